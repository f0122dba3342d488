/** A node is emptied, guest by guest, whatever happens meanwhile. */
import type { DrainPlan, Guest, Node, Operation, StatusReport } from '@gantry/model';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Draft, withSpec, withStatus } from '../src/store/batch.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let others: FakeAgent[];
beforeEach(async () => {
  cluster = await testCluster();
  others = [await addNode(cluster, 'n2'), await addNode(cluster, 'n3', { facts: { memoryMiB: 3072 } })];
});
afterEach(() => cluster.close());

async function rounds(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await settle();
    for (const agent of [cluster.agent, ...others]) await agent.round();
    await settle();
  }
}
async function create(name: string, more: object = {}): Promise<void> {
  const sized = { vcpus: 1, memoryMiB: 512, disks: [{ sizeMiB: 2048 }] };
  const body = { name, image: 'debian/12', nics: [], node: 'n1', power: 'stopped', ...sized, ...more };
  await cluster.call('createInstance', { body });
}
const evacuate = (body: object = {}) =>
  cluster.call<Operation>('evacuateNode', { params: { ref: 'n1' }, body });
const latest = ({ spec }: Operation) => cluster.operation(spec.number);
const results = ({ status }: Operation) =>
  Object.fromEntries(
    status.steps.map(({ name, state, detail }) => [name, `${state} ${detail ?? ''}`.trim()]),
  );
const nodeOf = async (name: string) => {
  const { status } = await cluster.instance(name);
  return (await cluster.store.get('node', status.node ?? ''))?.name;
};
const stuck = (status: StatusReport): StatusReport =>
  status.kind === 'replica' && status.status.state === 'ready'
    ? { ...status, status: { state: 'creating' } }
    : status;

test('all that are down go; the node takes no new ones', async () => {
  for (const name of ['a', 'b', 'c']) await create(name);
  await rounds();
  const begun = await evacuate();
  await rounds(20);
  const done = await latest(begun);
  expect(done.status).toMatchObject({ state: 'succeeded', result: { moved: 3 } });
  for (const name of ['a', 'b', 'c']) {
    expect(await nodeOf(name)).not.toBe('n1');
    expect(results(done)[name]).toMatch(/^done to n[23]$/);
  }
  expect((await cluster.call<Node>('getNode', { params: { ref: 'n1' } })).spec.role).toBe('drained');
});

test('one that runs stays, with the reason, and goes when it may be stopped', async () => {
  await create('down');
  await create('up', { power: 'running' });
  await rounds();
  const first = await evacuate();
  await rounds(12);
  const failed = await latest(first);
  expect(failed.status).toMatchObject({ state: 'failed', error: { code: 'operation_failed' } });
  expect(results(failed)).toMatchObject({ up: expect.stringMatching(/^failed it runs.*--allow-stop/) });
  expect(await nodeOf('up')).toBe('n1');
  expect(await nodeOf('down')).not.toBe('n1');
  const second = await evacuate({ allowStop: true });
  await rounds(12);
  expect((await latest(second)).status.state).toBe('succeeded');
  expect(await nodeOf('up')).not.toBe('n1');
  expect((await cluster.instance('up')).status.state).toBe('running');
});

test('one that somebody moved away meanwhile is not moved from where it is now', async () => {
  await create('a', { memoryMiB: 1024 });
  await create('b');
  await rounds();
  const { store } = cluster;
  const commit = store.commit.bind(store);
  const there = (await store.list('node')).items.find(({ name }) => name === 'n2')?.id as Node['id'];
  const moveB = async () => {
    const { id } = await cluster.instance('b');
    const instance = await store.get('instance', id);
    const [guest] = (await store.list('guest', { owner: id })).items;
    if (!instance || !guest) throw new Error('b is not there');
    const bound = withSpec(guest, { node: there as Guest['spec']['node'] });
    await commit(
      new Draft(0).put(withStatus(instance, { node: there as Guest['spec']['node'] })).put(bound).batch,
    );
  };
  // both are looked at, and then one after the other is moved
  let moved = false;
  vi.spyOn(store, 'commit').mockImplementation(async (batch) => {
    const result = await commit(batch);
    const begins = batch.puts.some(
      ({ object }) => object.kind === 'operation' && object.spec.kind === 'instance.move',
    );
    if (begins && !moved) {
      moved = true;
      await moveB();
    }
    return result;
  });
  const begun = await evacuate({ parallel: 2 });
  await rounds(12);
  expect(moved).toBe(true);
  expect(results(await latest(begun))).toEqual({
    a: expect.stringMatching(/^done/),
    b: 'skipped it is not there any more',
  });
});

test('at most so many at a time', async () => {
  for (const name of ['a', 'b', 'c', 'd']) await create(name);
  await rounds();
  for (const agent of others) agent.alter = stuck;
  const begun = await evacuate({ parallel: 3 });
  await rounds();
  const running = Object.values(results(await latest(begun))).filter((text) => text.startsWith('running'));
  expect(running).toHaveLength(3);
  for (const agent of others) agent.alter = (status) => status;
  await rounds(20);
  expect((await latest(begun)).status.state).toBe('succeeded');
});

test('guests that are busy with something else keep no other waiting, and it is said what they wait for', {
  timeout: 60_000,
}, async () => {
  for (const name of ['long1', 'long2']) await create(name, { memoryMiB: 1024 });
  for (const name of ['a', 'b']) await create(name);
  await rounds();
  // both largest are being moved by hand, and that takes its time
  for (const agent of others) agent.alter = stuck;
  for (const ref of ['long1', 'long2'])
    await cluster.call('moveInstance', { params: { ref }, body: { node: 'n2' } });
  await rounds(2);
  const slow = new Set((await cluster.store.list('replica')).items.map(({ id }) => id as string));
  for (const agent of others)
    agent.alter = (status) => (status.kind === 'replica' && slow.has(status.id) ? stuck(status) : status);
  const begun = await evacuate();
  await rounds(20);
  expect(results(await latest(begun))).toEqual({
    a: expect.stringMatching(/^done/),
    b: expect.stringMatching(/^done/),
    long1: expect.stringMatching(/^waiting waits: operation \d+ is under way$/),
    long2: expect.stringMatching(/^waiting waits: operation \d+ is under way$/),
  });
  for (const agent of others) agent.alter = (status) => status;
  await rounds(20);
  expect((await latest(begun)).status.state).toBe('succeeded');
});

test('one that is being stopped is waited for', async () => {
  await create('last', { power: 'running' });
  await rounds();
  await cluster.call('stopInstance', { params: { ref: 'last' }, body: {} });
  const begun = await evacuate();
  await rounds(20);
  expect(results(await latest(begun))).toEqual({ last: expect.stringMatching(/^done/) });
});

test('follows what happens meanwhile: one is deleted, one is started, one has no place', async () => {
  await create('deleted', { memoryMiB: 100 });
  await create('started', { memoryMiB: 200 });
  await create('large', { memoryMiB: 5000 });
  await create('first', { memoryMiB: 600 });
  await create('big', { node: 'n2', memoryMiB: 4000 });
  await rounds();
  for (const agent of others) agent.alter = stuck;
  const begun = await evacuate({ parallel: 1 });
  await rounds();
  await cluster.call('deleteInstance', { params: { ref: 'deleted' } });
  await cluster.call('startInstance', { params: { ref: 'started' }, body: {} });
  await rounds();
  for (const agent of others) agent.alter = (status) => status;
  await rounds(20);
  const { status } = await latest(begun);
  expect(status.state).toBe('failed');
  expect(results({ status } as Operation)).toEqual({
    large: expect.stringMatching(/^failed no node can take large.*memory/),
    first: expect.stringMatching(/^done to/),
    started: expect.stringMatching(/^failed it runs/),
    deleted: 'skipped it is not there any more',
  });
});

test('cancelled, or late, it begins no further move, and what is under way goes on', async () => {
  for (const name of ['a', 'b']) await create(name);
  await rounds();
  for (const agent of others) agent.alter = stuck;
  const begun = await evacuate({ parallel: 1 });
  await rounds();
  await cluster.call('cancelOperation', { params: { ref: String(begun.spec.number) } });
  for (const agent of others) agent.alter = (status) => status;
  await rounds(12);
  const ended = await latest(begun);
  expect(ended.status.state).toBe('cancelled');
  expect(Object.values(results(ended)).toSorted()).toEqual([
    expect.stringMatching(/^done to/),
    'skipped not begun',
  ]);
  const late = await evacuate({ deadlineMs: 1000 });
  await cluster.env.pass(1001);
  await rounds(12);
  expect(['failed', 'succeeded']).toContain((await latest(late)).status.state);
});

test('undrained meanwhile, it begins no further move, and what is under way goes on', async () => {
  for (const name of ['a', 'b', 'c']) await create(name);
  await rounds();
  for (const agent of others) agent.alter = stuck;
  const begun = await evacuate({ parallel: 1 });
  await rounds();
  const undrain = () => cluster.call<Node>('setNode', { params: { ref: 'n1' }, body: { role: 'active' } });
  expect((await undrain()).spec.role).toBe('active');
  const { cancelRequested } = (await latest(begun)).spec;
  expect(cancelRequested?.by).toBeDefined();
  await rounds();
  await undrain(); // again: nothing is asked for twice
  expect((await latest(begun)).spec.cancelRequested).toEqual(cancelRequested);
  for (const agent of others) agent.alter = (status) => status;
  await rounds(12);
  const ended = await latest(begun);
  expect(ended.status.state).toBe('cancelled');
  expect(Object.values(results(ended)).toSorted()).toEqual([
    expect.stringMatching(/^done to/),
    'skipped not begun',
    'skipped not begun',
  ]);
  expect((await cluster.call<Node>('getNode', { params: { ref: 'n1' } })).spec.role).toBe('active');
  const events = await cluster.store.events({ audit: true }, 1000);
  const told = events.map(({ message }) => message).filter((message) => message.includes('cancel operation'));
  expect(told).toEqual([`set node n1 active, cancel operation ${begun.spec.number}`]);
});

test('drained once more, or switched off, it goes on', async () => {
  await create('a');
  await rounds();
  for (const agent of others) agent.alter = stuck;
  const begun = await evacuate();
  await rounds();
  for (const role of ['drained', 'offline'])
    await cluster.call('setNode', { params: { ref: 'n1' }, body: { role } });
  expect((await latest(begun)).spec.cancelRequested).toBeUndefined();
});

test('a second one meanwhile is refused; a plan changes nothing', async () => {
  await create('a');
  await rounds();
  const before = await cluster.store.revision();
  const plan = await cluster.call<DrainPlan>('evacuateNode', {
    params: { ref: 'n1' },
    body: {},
    query: { plan: true },
  });
  expect(plan.steps).toMatchObject([{ name: 'a', way: 'move' }]);
  expect(await cluster.store.revision()).toBe(before);
  for (const agent of others) agent.alter = stuck;
  await evacuate();
  await expect(evacuate()).rejects.toMatchObject({ code: 'busy' });
  const planned = { params: { ref: 'n1' }, body: {}, query: { plan: true } };
  await expect(cluster.call('evacuateNode', planned)).rejects.toMatchObject({ code: 'busy' });
});

test.each([
  [{ parallel: 0 }, 'invalid_body'],
  [{ parallel: 99 }, 'invalid_body'],
  [{ to: 'n2' }, 'unknown_field'],
])('%j is refused', async (body, code) => {
  await expect(evacuate(body)).rejects.toMatchObject({ code });
});

test('of two of one name, in two projects, each has its own step', async () => {
  for (const project of ['red', 'blue']) {
    await cluster.call('createProject', { body: { name: project } });
    const sized = { vcpus: 1, memoryMiB: 512, disks: [{ sizeMiB: 2048 }], nics: [] };
    const power = project === 'red' ? 'running' : 'stopped';
    const body = { name: 'web1', image: 'debian/12', node: 'n1', power, ...sized };
    await cluster.call('createInstance', { project, body });
  }
  await rounds();
  const begun = await evacuate();
  await rounds(20);
  const { steps } = (await latest(begun)).status;
  expect(steps.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(['web1 done', 'web1 failed']);
});

test('one in rescue stays, with the reason, also in the plan', async () => {
  await create('sick');
  await rounds();
  await cluster.call('rescueInstance', { params: { ref: 'sick' }, body: {} });
  await rounds();
  const plan = await cluster.call<DrainPlan>('planDrain', { params: { ref: 'n1' } });
  expect(plan.steps).toMatchObject([{ way: 'blocked', why: expect.stringContaining('in rescue') }]);
  const begun = await evacuate({ allowStop: true });
  await rounds(12);
  expect(results(await latest(begun))).toEqual({ sick: expect.stringMatching(/^failed .*is in rescue/) });
  expect(await nodeOf('sick')).toBe('n1');
});

test('one that is suspended stays with its memory', async () => {
  await create('asleep', { power: 'running' });
  await rounds();
  cluster.agent.alter = (status) =>
    status.kind === 'guest' && ['stopped', 'defined'].includes(status.status.state)
      ? { ...status, status: { ...status.status, state: 'suspended' } }
      : status;
  await cluster.call('suspendInstance', { params: { ref: 'asleep' }, body: {} });
  await rounds();
  const begun = await evacuate({ allowStop: true });
  await rounds(12);
  expect(results(await latest(begun))).toEqual({
    asleep: expect.stringMatching(/^failed .*is suspended: cannot move/),
  });
  expect(await nodeOf('asleep')).toBe('n1');
});

test('an empty node is done at once', async () => {
  const begun = await evacuate();
  await rounds(2);
  expect((await latest(begun)).status).toMatchObject({ state: 'succeeded', result: { moved: 0 } });
});
