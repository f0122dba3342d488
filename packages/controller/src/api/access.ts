/** Projects and tokens. */
import { err, type Token } from '@gantry/model';
import { nameSpace, newObject } from '../objects.ts';
import { projectOf } from '../operations/begin-create.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { Draft } from '../store/batch.ts';
import { type Call, committed, type Handler, resolve, resourceReply } from './call.ts';
import { hashSecret, newSecret } from './caller.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, requireUnused } from './named.ts';

export const whoami: Handler<'whoami'> = async ({ caller }) => resourceReply(caller.token);

export const listProjects: Handler<'listProjects'> = (call) => listReply(call, 'project');
export const getProject: Handler<'getProject'> = (call) => getReply(call, 'project');

export const createProject: Handler<'createProject'> = async (call) =>
  createNamed(call, 'project', { name: call.body.name, labels: call.body.labels, spec: {}, status: {} });

export const deleteProject: Handler<'deleteProject'> = async (call) => {
  const project = await resolve(call, 'project', refOf(call));
  const { store } = call.app;
  const draft = new Draft(call.app.env.clock.now());
  await relyOnNoNewOperation(store, draft);
  const own = { project: project.id };
  const { items: tokens } = await store.list('token');
  const users = [
    ...(await store.list('instance', own)).items,
    ...(await store.list('disk', own)).items,
    ...(await store.list('image', own)).items,
    ...tokens.filter(({ spec }) => spec.project === project.id),
  ];
  requireUnused(project, users);
  return deleteNamed(call, project, draft);
};

export const listTokens: Handler<'listTokens'> = (call) => listReply(call, 'token');

/** The secret is in this answer and nowhere else; so a repetition of the request is refused, not answered again. */
export const createToken: Handler<'createToken'> = async (call) => {
  const { name } = call.body;
  const { store, env } = call.app;
  if ((await store.named('token', name)).length > 0) throw err('name_taken', { kind: 'token', name });
  const token = newObject(env, 'token', { name, spec: await tokenSpec(call), status: {} });
  const secret = newSecret(env);
  const draft = new Draft(env.clock.now()).take(nameSpace('token'), name, token.id).add(token);
  draft.batch.secrets.push({ token: token.id, hash: hashSecret(secret) });
  const written = await call.commit(draft, {
    subject: token,
    message: `create token ${name} (${token.spec.role})`,
  });
  return { status: 201, body: { token: committed(written, token), secret } };
};

/** With the ids that names stood for. Only an administrator's token goes without a project, only an agent's has a node. */
async function tokenSpec(call: Call<'createToken'>): Promise<Token['spec']> {
  const { role, project, node, expiresAt } = call.body.spec;
  const expires = expiresAt ? { expiresAt } : {};
  if (role === 'agent') {
    if (!node)
      throw err('invalid_argument', { what: 'a token of role agent without node', wanted: 'complete' });
    return { role, node: (await resolve(call, 'node', node)).id, ...expires };
  }
  if (node)
    throw err('invalid_argument', {
      what: `node with role ${role}`,
      wanted: 'possible: only agents have one',
    });
  if (role === 'admin' && project === undefined) return { role, ...expires };
  const owner = project === undefined ? await projectOf(call) : (await resolve(call, 'project', project)).id;
  return { role, project: owner as NonNullable<Token['spec']['project']>, ...expires };
}

export const deleteToken: Handler<'deleteToken'> = async (call) =>
  deleteNamed(call, await resolve(call, 'token', refOf(call)));
