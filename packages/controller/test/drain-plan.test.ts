/** What `node drain --plan` says, on a cluster of three nodes. */
import { type AffinityRule, type DrainPlan, err, type StatusReport, toProblem } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { addNode } from '../src/testing/more-nodes.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  for (const name of ['n2', 'n3']) await addNode(cluster, name, { facts: { memoryMiB: 3072 } });
});
afterEach(() => cluster.close());

async function create(name: string, memoryMiB: number, more: object = {}): Promise<void> {
  const sized = { vcpus: 1, memoryMiB, disks: [{ sizeMiB: 2048 }] };
  const body = { name, image: 'debian/12', nics: [], node: 'n1', ...sized, ...more };
  await cluster.call('createInstance', { body });
}
const drainPlan = () => cluster.call<DrainPlan>('planDrain', { params: { ref: 'n1' } });
const said = ({ steps }: DrainPlan) => steps.map(({ name, way, to }) => [name, way, to]);

test('guests take room from those after them; who finds none is blocked with the reason', async () => {
  await create('big', 2000);
  await create('middle', 1800);
  await create('little', 1000);
  await create('down', 256, { power: 'stopped' });
  await cluster.converge();
  const before = await cluster.store.revision();
  const plan = await drainPlan();
  expect(plan).toMatchObject({ name: 'n1', role: 'active' });
  expect(said(plan)).toEqual([
    ['big', 'stop', 'n2'],
    ['middle', 'stop', 'n3'],
    ['little', 'blocked', undefined],
    ['down', 'move', 'n3'],
  ]);
  expect(plan.steps[0]).toMatchObject({
    diskMiB: 2048,
    state: 'running',
    why: expect.stringContaining('while they run'),
  });
  expect(plan.steps[2]?.why).toMatch(
    /^no other node of its group can take it: 2 nodes looked at: {2}2 memory \(best .* free, short by .*\)/,
  );
  expect(await cluster.store.revision()).toBe(before);
});

test('with that, each guest that it places fits there for real', async () => {
  for (let i = 0; i < 12; i++) await create(`g${i}`, 260 + 30 * i);
  await cluster.converge();
  const { steps } = await drainPlan();
  for (const { name, to } of steps) {
    if (to === undefined) continue;
    const memoryMiB = 260 + 30 * Number(name.slice(1));
    await create(`copy-of-${name}`, memoryMiB, { node: to });
  }
  expect(steps.some(({ to }) => to !== undefined)).toBe(true);
});

test('rules between guests hold where they go', async () => {
  const affinity: AffinityRule[] = [{ policy: 'anti-affinity', label: 'app=db' }];
  const db = { labels: { app: 'db' } };
  await create('a', 256, { ...db, affinity, node: 'n1' });
  await create('b', 256, { ...db, affinity, node: 'n2' });
  await create('c', 256, { ...db, affinity, node: 'n3' });
  await cluster.converge();
  expect((await drainPlan()).steps).toMatchObject([
    { name: 'a', way: 'blocked', why: expect.stringContaining('2 anti-affinity') },
  ]);
});

test('an operation under way blocks; other groups and drained nodes take nobody', async () => {
  await create('new', 256);
  expect((await drainPlan()).steps).toMatchObject([
    { way: 'blocked', why: 'operation 1 is under way', remedy: expect.stringContaining('gantry op watch 1') },
  ]);
  await cluster.converge();
  await cluster.call('createGroup', { body: { name: 'other' } });
  await cluster.call('setNode', { params: { ref: 'n2' }, body: { group: 'other' } });
  await cluster.call('setNode', { params: { ref: 'n3' }, body: { role: 'drained' } });
  expect((await drainPlan()).steps).toMatchObject([
    { way: 'blocked', why: expect.stringContaining('1 node looked at:  1 drained') },
  ]);
});

test('what is not to be moved now says of itself why, and what lets it go', async () => {
  for (const name of ['kept', 'sick']) await create(name, 256);
  await cluster.converge();
  await cluster.call('lockInstance', { params: { ref: 'kept' }, body: { reason: 'audit' } });
  await cluster.call('rescueInstance', { params: { ref: 'sick' }, body: {} });
  await cluster.converge();
  expect((await drainPlan()).steps).toMatchObject([
    { name: 'kept', why: 'it is locked by admin: audit', remedy: expect.stringContaining('unlock kept') },
    {
      name: 'sick',
      why: expect.stringMatching(/^it is in rescue/),
      remedy: expect.stringContaining('unrescue sick'),
    },
  ]);
});

test('what its move would be refused for anywhere blocks it', async () => {
  await create('torn', 256);
  await cluster.converge();
  const { id } = await cluster.instance('torn');
  const [disk] = (await cluster.store.list('disk', { owner: id })).items;
  const lost = toProblem(err('disk_gone', { disk: 'x', path: '/fake' }));
  const replicas = (await cluster.store.list('replica', { owner: disk?.id ?? '' })).items;
  cluster.agent.alter = (report) =>
    replicas.some((replica) => replica.id === report.id)
      ? ({ ...report, status: { state: 'failed', error: lost } } as StatusReport)
      : report;
  await cluster.converge();
  expect((await drainPlan()).steps).toMatchObject([
    { name: 'torn', way: 'blocked', why: expect.stringContaining('is failed') },
  ]);
});

test('an empty node has nothing to tell, and an operator may not ask', async () => {
  expect((await drainPlan()).steps).toEqual([]);
  const { secret } = await cluster.call<{ secret: string }>('createToken', {
    body: { name: 'op', spec: { role: 'operator', project: 'default' } },
  });
  await expect(
    cluster.controller.call('planDrain', { token: secret, params: { ref: 'n1' } }),
  ).rejects.toMatchObject({ code: 'forbidden' });
});
