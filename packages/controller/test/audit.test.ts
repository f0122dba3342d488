/** Who asked for what, and what came of it. */
import type { Event, RouteName } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Request } from '../src/api/call.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const body = { name: 'hello', flavor: 'small', image: 'debian/12' };
const audit = async (query: object = {}) =>
  (await cluster.call<{ items: Event[] }>('listAudit', { query: { limit: 1000, ...query } })).items;
const secretOf = async (user: string) =>
  (await cluster.call<{ secret: string }>('createToken', { body: { name: 'laptop', spec: { user } } }))
    .secret;
const ask = (token: string, route: RouteName, request: Omit<Request, 'route' | 'token'> = {}) =>
  cluster.controller.call(route, { token, ...request });
async function eveOf(project: string, role: string): Promise<string> {
  await cluster.call('createProject', { body: { name: project } });
  await cluster.call('createUser', { body: { name: 'eve' } });
  await cluster.call('grantProject', { params: { ref: project, user: 'eve' }, body: { role } });
  return secretOf('eve');
}

test('a request, and how its operation ended: who, by which token, from where, what, in which project', async () => {
  const eve = await eveOf('blue', 'operator');
  await ask(eve, 'createInstance', { body, from: '10.0.0.9', requestId: 'req_1' });
  await cluster.converge();
  const [ended, asked] = await audit({ user: 'eve' });
  expect(asked).toMatchObject({
    type: 'api.create-instance',
    actor: 'eve',
    subject: { kind: 'instance', name: 'hello' },
    requestId: 'req_1',
    audit: {
      route: 'createInstance',
      token: { name: 'laptop' },
      from: '10.0.0.9',
      result: 'accepted',
      operation: 1,
    },
  });
  expect(asked?.audit?.user).toMatch(/^[0-9a-f-]{36}$/);
  expect(ended).toMatchObject({
    type: 'operation.succeeded',
    actor: 'eve',
    audit: { result: 'succeeded', operation: 1 },
  });
});

test('a failure ends with its code, a cancelled operation with that; both count as refused', async () => {
  await cluster.call('createInstance', { body });
  await cluster.call('cancelOperation', { params: { ref: '1' } });
  await cluster.converge();
  const refused = await audit({ refused: true });
  expect(refused.map(({ audit: { result } = { result: '' } }) => result)).toEqual(['operation_cancelled']);
  expect(await audit({ refused: false })).not.toContainEqual(refused[0]);
});

test('what was refused is there with its code, once for each request', async () => {
  const eve = await eveOf('blue', 'viewer');
  await expect(ask(eve, 'createInstance', { body })).rejects.toMatchObject({ code: 'forbidden' });
  await expect(ask(eve, 'createUser', { body: { name: 'x' } })).rejects.toMatchObject({ code: 'forbidden' });
  expect(
    (await audit({ user: 'eve' })).map(({ audit: one, level }) => [one?.route, one?.result, level]),
  ).toEqual([
    ['createUser', 'forbidden', 'warn'],
    ['createInstance', 'forbidden', 'warn'],
  ]);
});

test('nobody fills it with refusals: beyond a measure they are counted, and told with the next', async () => {
  const eve = await eveOf('blue', 'viewer');
  const refused = () => ask(eve, 'createInstance', { body }).catch(() => undefined);
  for (let time = 0; time < 100; time++) await refused();
  expect(await audit({ user: 'eve' })).toHaveLength(30);
  // others are heard all the same
  await expect(cluster.call('deleteUser', { params: { ref: 'admin' } })).rejects.toMatchObject({
    code: 'last_admin',
  });
  expect((await audit({ user: 'admin' }))[0]?.audit?.result).toBe('last_admin');
  await cluster.env.pass(60_000);
  await refused();
  const rows = await audit({ user: 'eve' });
  expect(rows).toHaveLength(31);
  expect(rows[0]?.message).toContain('70 more refusals');
});

test('administrators read all, those of a project what is of it, others nothing', async () => {
  const boss = await eveOf('blue', 'admin');
  await cluster.call('createInstance', { body });
  await ask(boss, 'createInstance', { body });
  const read = async (token: string, project?: string) =>
    ((await ask(token, 'listAudit', project ? { project } : {})).body as { items: Event[] }).items;
  const own = await read(boss);
  expect(new Set(own.map(({ actor }) => actor))).toEqual(new Set(['eve']));
  expect((await audit()).length).toBeGreaterThan(own.length);
  await expect(read(boss, 'default')).rejects.toMatchObject({ code: 'not_found' });
  for (const role of ['operator', 'viewer']) {
    await cluster.call('createUser', { body: { name: role, spec: { role } } });
    await expect(read(await secretOf(role))).rejects.toMatchObject({ code: 'forbidden' });
  }
});

test('an event list tells viewers nothing of users, tokens and where requests come from', async () => {
  await eveOf('blue', 'viewer');
  await cluster.call('createInstance', { body });
  await cluster.call('createUser', { body: { name: 'seer', spec: { role: 'viewer' } } });
  const { items } = (await ask(await secretOf('seer'), 'listEvents')).body as { items: Event[] };
  expect(items.map(({ type }) => type)).toContain('api.create-instance');
  for (const event of items) {
    expect(event.type).not.toMatch(/user|token/);
    expect(event.audit).toBeUndefined();
  }
});

test('no secret is in it', async () => {
  const eve = await eveOf('blue', 'operator');
  await ask(eve, 'createInstance', { body });
  await cluster.converge();
  const password = 'correct-horse-battery';
  const params = { ref: 'hello' };
  for (const wrong of [
    { user: 'root', password },
    { user: 'root\n', password },
    { user: 'root', password: { password } },
  ])
    await ask(eve, 'setInstancePassword', { params, body: wrong }).catch(() => undefined);
  await ask(`${eve}x`, 'listInstances').catch(() => undefined);
  const all = JSON.stringify([await audit(), await cluster.store.events({}, 1000)]);
  for (const secret of [eve, eve.slice(7), password]) expect(all).not.toContain(secret);
});

test('it is kept as long as the cluster says; other events as long as ever', async () => {
  const day = 24 * 3_600_000;
  const since = new Date(cluster.env.clock.now()).toISOString();
  await cluster.call('createUser', { body: { name: 'eve' } });
  await cluster.env.pass(100 * day);
  expect((await audit({ since })).map(({ type }) => type)).toContain('api.create-user');
  await cluster.call('setClusterAccess', { body: { auditDays: 30 } });
  await cluster.env.pass(day);
  expect((await audit()).map(({ type }) => type)).toEqual(['api.set-cluster-access']);
  expect((await cluster.store.list('cluster')).items[0]?.spec).toMatchObject({ auditDays: 30 });
  for (const auditDays of [0, -1, 1.5, 1e9])
    await expect(cluster.call('setClusterAccess', { body: { auditDays } })).rejects.toMatchObject({
      code: 'invalid_body',
    });
});

test('it is read by time, by subject and in pages', async () => {
  await cluster.call('createInstance', { body });
  await cluster.env.pass(60_000);
  await cluster.agent.hello();
  const later = new Date(cluster.env.clock.now()).toISOString();
  await cluster.call('createInstance', { body: { ...body, name: 'second' } });
  expect((await audit({ since: later, subject: 'second' })).map(({ subject }) => subject?.name)).toContain(
    'second',
  );
  expect(await audit({ since: later, subject: 'hello' })).toEqual([]);
  expect((await audit({ until: later })).every(({ at }) => at < later)).toBe(true);
  const first = await cluster.call<{ items: Event[]; next: string }>('listAudit', { query: { limit: 1 } });
  const [next] = await audit({ cursor: first.next, limit: 1 });
  expect(next?.number).toBeLessThan(first.items[0]?.number ?? 0);
  for (const query of [{ since: 'yesterday' }, { cursor: 'x' }, { limit: 0 }, { user: 'x'.repeat(64) }])
    await expect(cluster.call('listAudit', { query })).rejects.toMatchObject({ status: 400 });
});
