/** People and programs, as far as the cluster knows them: a name and what they may. They come with tokens. */
import {
  err,
  includesRole,
  type SetUser,
  type Token,
  tokenRights,
  type User,
  type UserSpec,
} from '@gantry/model';
import type { Env } from '../env.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed } from './named.ts';

export const listUsers: Handler<'listUsers'> = (call) => listReply(call, 'user');
export const getUser: Handler<'getUser'> = (call) => getReply(call, 'user');

export const createUser: Handler<'createUser'> = async (call) => {
  const { name, labels, spec = {} } = call.body;
  return createNamed(call, 'user', { name, labels, spec, status: {} });
};

export const setUser: Handler<'setUser'> = async (call) => {
  const user = await resolve(call, 'user', refOf(call));
  requireMatch(call, user);
  const changed = { ...user, generation: user.generation + 1, spec: changedSpec(user.spec, call.body) };
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  await requireAdminLeft(call.app, draft);
  if (call.query.plan) return { body: changed };
  const message = `set user ${user.name}: ${wordsOf(call.body)}`;
  return resourceReply(committed(await call.commit(draft, { subject: user, message }), changed));
};

function changedSpec(spec: UserSpec, { fullName, role, disabled }: SetUser): UserSpec {
  const merged = {
    ...spec,
    ...(fullName === undefined ? {} : { fullName }),
    ...(role === undefined ? {} : { role }),
    ...(disabled === undefined ? {} : { disabled }),
  };
  const kept = Object.entries(merged).filter(([, value]) => value !== null && value !== false);
  return Object.fromEntries(kept) as UserSpec;
}

const wordsOf = (body: SetUser): string =>
  Object.entries(body)
    .map(([key, value]) => `${key}=${value ?? ''}`)
    .join(', ');

export const withProjects = (user: User, projects: NonNullable<UserSpec['projects']>): User => {
  const { projects: _, ...spec } = user.spec;
  const some = Object.keys(projects).length > 0;
  return { ...user, generation: user.generation + 1, spec: { ...spec, ...(some ? { projects } : {}) } };
};

/** With his tokens: from then on none of them is known. What he made stays. */
export const deleteUser: Handler<'deleteUser'> = async (call) => {
  const user = await resolve(call, 'user', refOf(call));
  const draft = new Draft(call.app.env.clock.now());
  for (const token of (await call.app.store.list('token', { owner: user.id })).items)
    draft.remove(token).release(token.id);
  await requireAdminLeft(call.app, draft, user.id);
  return deleteNamed(call, user, draft);
};

/**
 * After this draft, and without one thing more, somebody can still administer the cluster: a token that is valid now, without a project, of an
 * administrator. Two who take the last two away at once compare the same number: one of them is decided again.
 * @throws GantryError `last_admin`
 */
export async function requireAdminLeft(
  { store, env }: { store: Store; env: Env },
  draft: Draft,
  without?: string,
): Promise<void> {
  const name = 'administrators';
  const from = await store.counter(name);
  draft.batch.counters.push({ name, from, to: from + 1 });
  const left = ({ id }: { id: string }) => id !== without;
  const users = (await after(store, draft, 'user')).filter(left);
  const tokens = (await after(store, draft, 'token')).filter(left);
  const byId = new Map(users.map((user) => [user.id, user]));
  if (tokens.some((token) => administers(token, byId, env.clock.now()))) return;
  const admins = users.filter(({ spec }) => spec.role === 'admin' && !spec.disabled).map((user) => user.name);
  const why =
    admins.length === 0 ? 'no other administrator is left' : `${admins.join(', ')} has no valid token`;
  throw err('last_admin', { why });
}

async function after<K extends 'user' | 'token'>(store: Store, { batch }: Draft, kind: K) {
  const gone = new Set(batch.deletes.map(({ id }) => id));
  const put = new Map(batch.puts.map(({ object }) => [object.id, object]));
  const { items } = await store.list(kind);
  return items
    .filter(({ id }) => !gone.has(id))
    .map((item) => (put.get(item.id) as typeof item | undefined) ?? item);
}

function administers(token: Token, users: ReadonlyMap<string, User>, nowMs: number): boolean {
  const { user, revokedAt, expiresAt } = token.spec;
  if (revokedAt || (expiresAt && Date.parse(expiresAt) <= nowMs)) return false;
  const owner = user === undefined ? undefined : users.get(user);
  if (user !== undefined && owner === undefined) return false;
  return includesRole(tokenRights(token, owner).role, 'admin');
}
