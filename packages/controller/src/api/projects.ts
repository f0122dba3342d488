/** Projects, and who is in them. */
import { err, type Member, type Project, type ProjectId, type User, type UserRole } from '@gantry/model';
import { countMembers } from '../members.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { type Call, type Handler, type Reply, resolve } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, requireUnused } from './named.ts';
import { withProjects } from './users.ts';

export const listProjects: Handler<'listProjects'> = (call) => listReply(call, 'project');
export const getProject: Handler<'getProject'> = (call) => getReply(call, 'project');

export const createProject: Handler<'createProject'> = async (call) =>
  createNamed(call, 'project', { name: call.body.name, labels: call.body.labels, spec: {}, status: {} });

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
  memberOf(user, project);
  const granted = withRole(user, project, undefined);
  return change(
    call,
    { project, granted, message: `take user ${user.name} out of project ${project.name}` },
    { body: {} },
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
