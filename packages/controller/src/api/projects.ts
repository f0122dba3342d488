/** Projects, and who is in them. */
import {
  err,
  type Member,
  type Project,
  type ProjectId,
  Quota,
  stringMap,
  type User,
  type UserRole,
  validate,
} from '@gantry/model';
import { countMembers } from '../members.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import {
  type Call,
  committed,
  type Handler,
  type Reply,
  requireMatch,
  resolve,
  resourceReply,
} from './call.ts';
import { listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, patchMap, requireUnused } from './named.ts';
import { withProjects } from './users.ts';

export const listProjects: Handler<'listProjects'> = async (call) => {
  const reply = await listReply(call, 'project');
  const body = reply.body as { items: Project[] };
  const items = await Promise.all(body.items.map((project) => withUsage(call.app.store, project)));
  return { ...reply, body: { ...body, items } };
};

export const getProject: Handler<'getProject'> = async (call) =>
  resourceReply(await withUsage(call.app.store, await resolve(call, 'project', refOf(call))));

const Labels = stringMap('labels');

/** Counted when somebody asks, without revision. */
const withUsage = async (store: Store, project: Project): Promise<Project> => ({
  ...project,
  status: { ...project.status, usage: await store.usage(project.id) },
});

/** A limit below what there is refuses only what is to come. */
export const setProject: Handler<'setProject'> = async (call) => {
  const project = await resolve(call, 'project', refOf(call));
  requireMatch(call, project);
  const { quota: changes = {}, labels } = call.body;
  const merged = Object.entries({ ...project.spec.quota, ...changes }).filter(([, limit]) => limit !== null);
  const { quota: _, ...spec } = project.spec;
  const quota = validate(Quota, Object.fromEntries(merged));
  const changed = {
    ...project,
    ...(labels ? { labels: validate(Labels, patchMap(project.labels, labels)) } : {}),
    generation: project.generation + 1,
    spec: { ...spec, ...(merged.length > 0 ? { quota } : {}) },
  };
  if (call.query.plan) return resourceReply(await withUsage(call.app.store, changed));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const words = Object.entries(changes).map(([resource, limit]) => `${resource}=${limit ?? 'unlimited'}`);
  const message = `set ${[...words, ...Object.keys(labels ?? {})].join(', ')} of project ${project.name}`;
  const written = committed(await call.commit(draft, { subject: project, message }), changed);
  return resourceReply(await withUsage(call.app.store, written));
};

export const createProject: Handler<'createProject'> = async (call) => {
  const { name, labels, quota } = call.body;
  return createNamed(call, 'project', { name, labels, spec: quota ? { quota } : {}, status: {} });
};

/** The roles that users have in it go with it. */
export const deleteProject: Handler<'deleteProject'> = async (call) => {
  const project = await resolve(call, 'project', refOf(call));
  const { store } = call.app;
  const draft = new Draft(call.app.env.clock.now());
  await relyOnNoNewOperation(store, draft);
  await countMembers(store, draft, project.id, 0);
  const own = { project: project.id };
  const { items: tokens } = await store.list('token');
  const used = [
    ...(await store.list('instance', own)).items,
    ...(await store.list('disk', own)).items,
    ...(await store.list('image', own)).items,
    ...tokens.filter(({ spec }) => spec.project === project.id),
  ];
  requireUnused(project, used);
  for (const user of await usersOf(store, project)) draft.put(withRole(user, project, undefined));
  return deleteNamed(call, project, draft);
};

const usersOf = async (store: Store, { id }: Project): Promise<User[]> =>
  (await store.list('user')).items.filter(({ spec }) => spec.projects?.[id as ProjectId] !== undefined);

function withRole(user: User, { id }: Project, role: UserRole | undefined): User {
  const { [id]: _, ...others } = user.spec.projects ?? {};
  return withProjects(user, role === undefined ? others : { ...others, [id]: role });
}

export const listMembers: Handler<'listMembers'> = async (call) => {
  const project = await resolve(call, 'project', refOf(call));
  const items = (await usersOf(call.app.store, project)).map((user) => memberOf(user, project));
  return { body: { items } };
};

function memberOf({ id, name, spec }: User, project: Project): Member {
  const role = spec.projects?.[project.id];
  if (role === undefined) throw err('not_found', { kind: 'user', name });
  return { user: id as Member['user'], name, ...(spec.fullName ? { fullName: spec.fullName } : {}), role };
}

export const grantProject: Handler<'grantProject'> = async (call) => {
  const { role } = call.body;
  const { project, user } = await pairOf(call);
  const granted = withRole(user, project, role);
  return change(
    call,
    { project, granted, message: `let user ${user.name} be ${role} in project ${project.name}` },
    {
      body: memberOf(granted, project),
    },
  );
};

export const revokeProject: Handler<'revokeProject'> = async (call) => {
  const { project, user } = await pairOf(call);
  const body = memberOf(user, project);
  const granted = withRole(user, project, undefined);
  return change(
    call,
    { project, granted, message: `take user ${user.name} out of project ${project.name}` },
    { body },
  );
};

type Pairing = Pick<Call, 'app' | 'caller' | 'params' | 'commit'> & { query: { plan?: boolean } };

/** Whoever may let people into a project may name any user, by his whole name or id; he sees nothing else of him. */
async function pairOf(call: Pairing): Promise<{ project: Project; user: User }> {
  const project = await resolve(call, 'project', refOf(call));
  const ref = call.params['user'] ?? '';
  const { store } = call.app;
  const user = (await store.get('user', ref)) ?? (await store.named('user', ref))[0];
  if (!user) throw err('not_found', { kind: 'user', name: ref });
  return { project, user };
}

async function change(
  call: Pairing,
  { project, granted, message }: { project: Project; granted: User; message: string },
  reply: Reply,
): Promise<Reply> {
  if (call.query.plan) return reply;
  const draft = new Draft(call.app.env.clock.now()).put(granted).relyOn(project);
  await countMembers(call.app.store, draft, project.id, 1);
  await call.commit(draft, { subject: project, message });
  return reply;
}
