/** Every route with every role: what the table of routes does not name is refused, what it names is let through. */
import {
  type Operation,
  type Project,
  type RouteName,
  type RouteRole,
  routes,
  type User,
} from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

const people = ['admin', 'operator', 'viewer'] as const;
const everyRole: readonly RouteRole[] = [
  ...people,
  ...people.map((role) => `project-${role}` as const),
  'agent',
  'join',
];

let cluster: TestCluster;
const secrets = new Map<string, string>();
const made = { name: 'hello', flavor: 'small', image: 'debian/12' };

async function userWith(
  name: string,
  role: string | undefined,
  projects: Record<string, string> = {},
): Promise<void> {
  await cluster.call<User>('createUser', { body: { name, spec: role ? { role } : {} } });
  for (const [ref, held] of Object.entries(projects))
    await cluster.call('grantProject', { params: { ref, user: name }, body: { role: held } });
  const body = { name: 'only', spec: { user: name } };
  secrets.set(name, (await cluster.call<{ secret: string }>('createToken', { body })).secret);
}

beforeAll(async () => {
  cluster = await testCluster();
  for (const name of ['blue', 'red']) await cluster.call<Project>('createProject', { body: { name } });
  for (const project of ['blue', 'red'])
    await cluster.call<Operation>('createInstance', { body: made, project });
  await cluster.converge();
  for (const role of people) {
    await userWith(role === 'admin' ? 'boss' : role, role);
    await userWith(`project-${role}`, undefined, { blue: role });
  }
  await userWith('split', undefined, { blue: 'viewer', red: 'operator' });
  secrets.set('admin', secrets.get('boss') ?? '');
  const agent = { name: 'a', spec: { role: 'agent', node: 'n1' } };
  secrets.set('agent', (await cluster.call<{ secret: string }>('createToken', { body: agent })).secret);
  secrets.set('join', (await cluster.call<{ secret: string }>('addNode', { body: { name: 'n2' } })).secret);
});
afterAll(() => cluster.close());

/** The code that a request ends with, `ok` where it is answered. */
async function codeOf(
  name: string,
  route: RouteName,
  params: Record<string, string>,
  body: object = wrong,
): Promise<string> {
  const token = name === 'nobody' ? undefined : secrets.get(name);
  const over = new AbortController();
  const answer = cluster.controller.call(route, { token, params, body, signal: over.signal });
  const code = await answer.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
  over.abort();
  return code;
}

/** No route takes it: who is let through goes no further than its check. */
const wrong = { 'no such field': true };
/** Bodies that some routes take. */
const bodies: Partial<Record<RouteName, object>> = {
  setInstance: {},
  lockInstance: { reason: 'x' },
  renameInstance: { name: 'x' },
  startInstance: {},
  stopInstance: {},
  rebootInstance: {},
  resetInstance: {},
  pauseInstance: {},
  resumeInstance: {},
  nmiInstance: {},
  releaseInstance: {},
  execInInstance: { argv: ['true'] },
  setInstancePassword: { user: 'root', password: 'x' },
};

const table = Object.entries(routes) as [RouteName, (typeof routes)[RouteName]][];
const nowhere = { ref: 'nothing-of-that-name', id: '1', user: 'nobody' };

describe.each(table)('%s', (route, { roles }) => {
  const needed: readonly RouteRole[] = roles;

  test.each(everyRole)('%s', async (role) => {
    const code = await codeOf(role, route, nowhere);
    if (needed.length === 0 || needed.includes(role)) expect(code).not.toMatch(/forbidden|unauthenticated/);
    else expect(code).toBe('forbidden');
  });

  test('nobody', async () => {
    const code = await codeOf('nobody', route, nowhere);
    if (needed.length === 0) expect(code).toBe('ok');
    else expect(code).toBe('unauthenticated');
  });
});

/** Where there is a body, a wrong one is refused before the thing is looked for, and nothing is told of that. */
const ofInstance = table
  .filter(([, { path }]) => path.startsWith('/v1/instances/:ref'))
  .map(([route, entry]) => ({
    route,
    roles: entry.roles as readonly RouteRole[],
    known: !('body' in entry) || route in bodies,
  }));

describe.each(ofInstance)('$route', ({ route, roles, known }) => {
  const idOf = async (project: string) =>
    (await cluster.call<{ id: string }>('getInstance', { params: { ref: 'hello' }, project })).id;
  const refusals = (code: string) => (known ? [code] : ['unknown_field', 'invalid_body']);

  test.each(people)('an instance of another project does not exist for project-%s', async (role) => {
    const code = await codeOf(`project-${role}`, route, { ref: await idOf('red') }, bodies[route]);
    if (roles.includes(`project-${role}`)) expect(refusals('not_found')).toContain(code);
    else expect(code).toBe('forbidden');
  });

  test('one of the own project is refused to a viewer who operates elsewhere', async () => {
    const code = await codeOf('split', route, { ref: await idOf('blue') }, bodies[route]);
    if (!roles.includes('project-viewer')) expect(refusals('forbidden')).toContain(code);
    else expect(code).not.toBe('forbidden');
  });
});
