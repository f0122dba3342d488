/** Tokens: what people and programs show. A token is never worth more than its user, nor than the token it was made with. */
import {
  err,
  highestRole,
  includesRights,
  includesRole,
  limited,
  type ProjectId,
  type Token,
  tokenRights,
  type User,
  type UserRole,
  userRights,
} from '@gantry/model';
import { nowOf } from '../env.ts';
import { countMembers } from '../members.ts';
import { nameSpace, newObject } from '../objects.ts';
import { Draft, withSpec } from '../store/batch.ts';
import {
  type Asking,
  type Call,
  committed,
  type Handler,
  requireMatch,
  resolve,
  resourceReply,
} from './call.ts';
import { type Caller, hashSecret, newSecret } from './caller.ts';
import { listReply, refOf } from './list.ts';
import { deleteNamed } from './named.ts';
import { requireAdminLeft } from './users.ts';

export const whoami: Handler<'whoami'> = async ({ app, caller: { token, user, role, rights } }) => {
  const projects = await Promise.all(
    [...rights.projects].map(async ([id, held]) => ({
      id,
      name: (await app.store.get('project', id))?.name ?? id,
      role: held,
    })),
  );
  const person = role === 'agent' || role === 'join' ? undefined : role;
  return { body: { token, ...(user ? { user } : {}), ...(person ? { role: person } : {}), projects } };
};

export const listTokens: Handler<'listTokens'> = (call) => listReply(call, 'token');

/** The secret is in this answer and nowhere else; so a repetition of the request is refused, not answered again. */
export const createToken: Handler<'createToken'> = async (call) => {
  const { store, env } = call.app;
  const draft = new Draft(env.clock.now());
  const { spec, owner } =
    call.body.spec.role === 'agent' ? await agentToken(call) : await personToken(call, draft);
  const id = env.uuid();
  const name =
    call.body.name ?? `${(owner?.name ?? 'token').slice(0, 54).replace(/[.-]$/, '')}-${id.slice(0, 8)}`;
  if ((await store.named('token', name)).some((other) => other.spec.user === owner?.id))
    throw err('name_taken', { kind: 'token', name });
  const token = newObject(env, 'token', { id, name, spec, status: {} });
  const secret = newSecret(env);
  draft.take(nameSpace('token', owner?.id), name, token.id).add(token).relyOn(owner);
  draft.batch.secrets.push({ token: token.id, hash: hashSecret(secret) });
  const whose = owner ? ` of user ${owner.name}` : '';
  const message = `create token ${name}${whose} (${spec.role})`;
  const written = await call.commit(draft, { subject: token, message });
  return { status: 201, body: { token: committed(written, token), secret } };
};

interface Wanted {
  spec: Token['spec'];
  owner?: User | undefined;
}

async function agentToken(call: Call<'createToken'>): Promise<Wanted> {
  const { node, user, project, expiresAt } = call.body.spec;
  if (call.caller.role !== 'admin')
    throw err('forbidden', { action: 'make tokens of role agent', why: 'only an administrator may' });
  if (!node)
    throw err('invalid_argument', { what: 'a token of role agent without node', wanted: 'complete' });
  if (user !== undefined || project !== undefined)
    throw err('invalid_argument', {
      what: 'user or project with role agent',
      wanted: 'possible: it belongs to a node',
    });
  const { id } = await resolve(call, 'node', node);
  return { spec: { role: 'agent', node: id, ...(expiresAt ? { expiresAt } : {}) } };
}

async function personToken(call: Call<'createToken'>, draft: Draft): Promise<Wanted> {
  const { caller, body } = call;
  const { role, node, expiresAt } = body.spec;
  if (node)
    throw err('invalid_argument', {
      what: `node with role ${role ?? 'of a user'}`,
      wanted: 'possible: only agents have one',
    });
  const owner = body.spec.user === undefined ? caller.user : await resolve(call, 'user', body.spec.user);
  const project = await projectFor(call, draft);
  const most = roleFor(caller, owner, role as UserRole | undefined, project);
  const spec: Token['spec'] = {
    role: most,
    ...(owner ? { user: owner.id as NonNullable<Token['spec']['user']> } : {}),
    ...(project ? { project } : {}),
    ...(expiresAt ? { expiresAt } : {}),
  };
  requireNoMore(call, { spec }, owner);
  return { spec, owner };
}

async function projectFor(call: Call<'createToken'>, draft: Draft): Promise<ProjectId | undefined> {
  const ref = call.body.spec.project ?? call.caller.onlyProject ?? call.caller.token.spec.project;
  if (ref === undefined) return undefined;
  const project = await resolve(call, 'project', ref);
  await countMembers(call.app.store, draft.relyOn(project), project.id, 1);
  return project.id as ProjectId;
}

/**
 * Without a word of it: all that its user has, or the token that asks where that is his own.
 * @throws GantryError `forbidden` for more than its user has, `invalid_argument` where nothing says how much
 */
function roleFor(
  { user, rights }: Caller,
  owner: User | undefined,
  role: UserRole | undefined,
  project: ProjectId | undefined,
): UserRole {
  if (!owner) {
    if (role) return role;
    throw err('invalid_argument', {
      what: 'a token without user and without role',
      wanted: 'complete: name one of them',
    });
  }
  const highest = highestRole(limited(userRights(owner), 'admin', project));
  const where = project === undefined ? '' : ' in that project';
  const refused = (why: string) => err('forbidden', { action: `make a token of role ${role ?? 'any'}`, why });
  if (!highest) throw refused(`user ${owner.name} has no role${where || ' anywhere'}`);
  if (role && !includesRole(highest, role)) throw refused(`user ${owner.name} is only ${highest}${where}`);
  const own = owner.id === user?.id ? highestRole(limited(rights, 'admin', project)) : undefined;
  return role ?? own ?? highest;
}

/**
 * An administrator may make any. Others' tokens make tokens that can do no more, and that end no later.
 * @throws GantryError `forbidden`
 */
function requireNoMore({ caller }: Asking, token: Pick<Token, 'spec'>, owner: User | undefined): void {
  if (caller.role === 'admin') return;
  const refused = (why: string) => err('forbidden', { action: 'make such a token', why });
  if (!owner || owner.id !== caller.user?.id) throw refused('one may make tokens for oneself only');
  if (!includesRights(caller.rights, tokenRights(token, owner)))
    throw refused('it could do more than the token that it is made with');
  const end = caller.token.spec.expiresAt;
  if (end && Date.parse(token.spec.expiresAt ?? '9999-12-31T23:59:59Z') > Date.parse(end))
    throw refused(`it would be valid longer than the token that it is made with (${end})`);
}

/** Ended from now on, and still told from one that never was. */
export const revokeToken: Handler<'revokeToken'> = async (call) => {
  const token = await tokenToEnd(call);
  requireMatch(call, token);
  if (token.spec.revokedAt) return resourceReply(token);
  const changed = withSpec(token, { revokedAt: nowOf(call.app.env) });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  await requireAdminLeft(call.app, draft);
  if (call.query.plan) return { body: changed };
  const written = await call.commit(draft, { subject: token, message: `revoke token ${token.name}` });
  return resourceReply(committed(written, changed));
};

export const deleteToken: Handler<'deleteToken'> = async (call) => {
  const token = await tokenToEnd(call);
  const draft = new Draft(call.app.env.clock.now());
  await requireAdminLeft(call.app, draft, token.id);
  return deleteNamed(call, token, draft);
};

/** A token ends itself, and others of its user that can do no more than it. @throws GantryError `forbidden` */
async function tokenToEnd(call: Pick<Call, 'app' | 'caller' | 'params'>): Promise<Token> {
  const token = await tokenNamed(call, refOf(call));
  const { caller } = call;
  const weaker = includesRights(caller.rights, tokenRights(token, caller.user));
  if (caller.role === 'admin' || token.id === caller.token.id || weaker) return token;
  throw err('forbidden', {
    action: `end token ${token.name}`,
    why: 'it can do more than the token that asks',
  });
}

/** Names of tokens are unique for each user: one's own first. @throws GantryError `not_found`, `ambiguous` */
async function tokenNamed(call: Asking, ref: string): Promise<Token> {
  const { store } = call.app;
  const named = await store.named('token', ref);
  const own = named.find(({ spec }) => spec.user === call.caller.user?.id);
  if (own) return resolve(call, 'token', own.id);
  if (named.length < 2 || call.caller.role !== 'admin') return resolve(call, 'token', ref);
  const words = named.map(async ({ id, spec }) => {
    const user = spec.user && (await store.get('user', spec.user));
    return `${ref} of ${user ? `user ${user.name}` : 'nobody'} (${id})`;
  });
  throw err('ambiguous', { name: ref, matches: (await Promise.all(words)).join(', ') });
}
