/** The live cluster is made even, move by move, whatever happens meanwhile. */
import type { BalanceCluster, BalancePlan, Operation, StatusReport } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Controller } from '../src/controller.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let others: FakeAgent[];
beforeEach(async () => {
  cluster = await testCluster();
  others = [await addNode(cluster, 'n2'), await addNode(cluster, 'n3')];
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
async function createAll(...names: string[]): Promise<void> {
  for (const name of names) await create(name);
  await rounds();
}
const plan = (body: BalanceCluster = {}) =>
  cluster.call<BalancePlan>('balanceCluster', { body, query: { plan: true } });
const balance = (body: BalanceCluster = {}) => cluster.call<Operation>('balanceCluster', { body });
const latest = ({ spec }: Operation) => cluster.operation(spec.number);
const results = ({ status }: Operation) =>
  Object.fromEntries(
    status.steps.map(({ name, state, detail }) => [name, `${state} ${detail ?? ''}`.trim()]),
  );
const nodeOf = async (name: string) => {
  const { status } = await cluster.instance(name);
  return (await cluster.store.get('node', status.node ?? ''))?.name;
};
/** Copies never end. */
const stick = () => {
  for (const agent of others) agent.alter = stuck;
};
const unstick = () => {
  for (const agent of others) agent.alter = (status) => status;
};
const stuck = (status: StatusReport): StatusReport =>
  status.kind === 'replica' && status.status.state === 'ready'
    ? { ...status, status: { state: 'creating' } }
    : status;

describe('a plan', () => {
  test('has moves in order with their cost, and the score part by part; nothing is done', async () => {
    await createAll('a', 'b', 'c');
    const { score, parts, moves, bytes, held } = await plan();
    expect(moves).toHaveLength(2);
    expect(new Set(moves.map(({ to }) => to))).toEqual(new Set(['n2', 'n3']));
    for (const move of moves) {
      expect(move).toMatchObject({ from: 'n1', group: 'default', state: 'stopped', way: 'move' });
      expect(move.gain).toBeGreaterThan(0.5);
    }
    expect(moves[1]?.score).toBeLessThan(moves[0]?.score ?? 0);
    expect(score.after).toBeLessThan(score.before);
    expect(parts.map(({ name }) => name)).toContain('cpu_load_cv');
    const total = (side: 'before' | 'after') => parts.reduce((sum, part) => sum + part[side], 0);
    expect(total('before')).toBeCloseTo(score.before, 6);
    expect(total('after')).toBeCloseTo(score.after, 6);
    expect(bytes).toBe(moves.reduce((sum, move) => sum + move.bytes, 0));
    expect(held).toEqual([]);
    expect((await cluster.store.list('operation', { states: ['running'] })).items).toEqual([]);
  });

  test('guests that would help and stay are named with the reason', async () => {
    await createAll('a', 'locked', 'rescued');
    await create('up', { power: 'running' });
    await rounds();
    await cluster.call('lockInstance', { params: { ref: 'locked' }, body: { reason: 'audit' } });
    const { moves, held } = await plan({ maxMoves: 1 });
    expect(moves).toHaveLength(1);
    const why = Object.fromEntries(held.map((each) => [each.name, each.why]));
    expect(why['locked']).toMatch(/locked by .*audit/);
    expect(why['up']).toMatch(/--stop stops, moves and starts it/);
    const may = await plan({ stop: true });
    expect(may.held.map(({ name }) => name)).not.toContain('up');
  });

  test('of a running guest says that it is stopped for it', async () => {
    await create('up', { power: 'running' });
    await create('two', { power: 'running' });
    await rounds();
    expect((await plan()).moves).toEqual([]);
    expect((await plan({ stop: true })).moves).toMatchObject([{ way: 'stop', state: 'running' }]);
  });

  test('keeps to hard rules between guests, and to nodes that can take them', async () => {
    await cluster.call('setNode', { params: { ref: 'n3' }, body: { role: 'drained' } });
    await create('a', { labels: { app: 'db' } });
    await create('b', { labels: { app: 'db' }, affinity: [{ policy: 'affinity', instance: 'a' }] });
    await create('c', { affinity: [{ policy: 'anti-affinity', label: 'app=db' }], node: 'n2' });
    await rounds();
    expect((await plan()).moves).toEqual([]);
  });

  test('drained nodes are left by those that may go', async () => {
    await createAll('a');
    await cluster.call('setNode', { params: { ref: 'n1' }, body: { role: 'drained' } });
    const { moves, parts } = await plan();
    expect(moves).toMatchObject([{ name: 'a', from: 'n1' }]);
    expect(parts).toContainEqual({ name: 'offline_pri_cnt', before: 16, after: 0 });
  });

  test('keeps to the group, to a number of moves and of bytes', async () => {
    await cluster.call('createGroup', { body: { name: 'other' } });
    const far = await addNode(cluster, 'far', { group: 'other' });
    others.push(far);
    await createAll('a', 'b', 'c');
    expect((await plan({ group: 'other' })).moves).toEqual([]);
    const { moves } = await plan({ group: 'default' });
    expect(moves.map(({ to }) => to)).not.toContain('far');
    expect((await plan({ maxMoves: 1 })).moves).toHaveLength(1);
    expect((await plan({ minGain: 1000 })).moves).toEqual([]);
    const { bytes = 0 } = moves[0] ?? {};
    expect(bytes).toBeGreaterThan(0);
    const few = await plan({ maxBytes: bytes });
    expect(few.moves).toHaveLength(1);
    expect(few.held[0]?.why).toMatch(/--max-bytes/);
  });
});

describe('applied', () => {
  test('guests are moved one after the other, and then there is nothing to do', async () => {
    await createAll('a', 'b', 'c');
    const begun = await balance();
    expect(begun.spec).toMatchObject({ kind: 'cluster.balance', target: { kind: 'cluster' } });
    stick();
    await rounds(4);
    const half = await latest(begun);
    expect(half.status.steps.filter(({ state }) => state === 'running')).toHaveLength(1);
    unstick();
    await rounds(20);
    const done = await latest(begun);
    expect(done.status).toMatchObject({ state: 'succeeded', result: { moved: 2 } });
    expect(new Set(await Promise.all(['a', 'b', 'c'].map(nodeOf)))).toEqual(new Set(['n1', 'n2', 'n3']));
    expect(await plan()).toMatchObject({ moves: [], held: [] });
    const nothing = await balance();
    await rounds(2);
    expect((await latest(nothing)).status).toMatchObject({ state: 'succeeded', result: { moved: 0 } });
  });

  test('those that run are up again afterwards', async () => {
    for (const name of ['a', 'b', 'c']) await create(name, { power: 'running' });
    await rounds();
    const begun = await balance({ stop: true });
    await rounds(30);
    expect((await latest(begun)).status).toMatchObject({ state: 'succeeded', result: { moved: 2 } });
    for (const name of ['a', 'b', 'c']) expect((await cluster.instance(name)).status.state).toBe('running');
  });

  test('what has changed meanwhile is passed over, and the rest planned anew', async () => {
    await createAll('a', 'b', 'c', 'd', 'e', 'f');
    stick();
    const begun = await balance();
    await rounds(4);
    const steps = (await latest(begun)).status.steps;
    const [deleted, movedOn] = steps.filter(({ state }) => state === 'waiting').map(({ name }) => name);
    await cluster.call('deleteInstance', { params: { ref: deleted ?? '' } });
    await cluster.call('lockInstance', { params: { ref: movedOn ?? '' }, body: { reason: 'mine' } });
    await rounds(2);
    unstick();
    await rounds(40);
    const { status } = await latest(begun);
    expect(status.state).toBe('succeeded');
    const said = results({ status } as Operation);
    expect(said[deleted ?? '']).toBe('skipped it is not there any more');
    expect(said[movedOn ?? '']).toMatch(/^skipped .*locked/);
    expect(status.steps.length).toBeGreaterThan(steps.length);
    expect((await plan()).moves).toEqual([]);
  });

  test('a move that fails does not end the others', async () => {
    await createAll('a', 'b', 'c');
    const begun = await balance();
    const first = begun.status.steps[0]?.name ?? '';
    stick();
    await rounds(4);
    const { id } = await cluster.instance(first);
    const operations = (await cluster.store.list('operation', { owner: id })).items;
    const move = operations.find(({ spec }) => spec.kind === 'instance.move');
    await cluster.call('cancelOperation', { params: { ref: String(move?.spec.number) } });
    unstick();
    await rounds(30);
    const { status } = await latest(begun);
    expect(status.state).toBe('failed');
    expect(results({ status } as Operation)[first]).toMatch(/^failed .*cancelled/);
    expect(status.steps.filter(({ state }) => state === 'done')).toHaveLength(1);
  });

  test('cancelled, or late, it begins no further move, and what is under way goes on', async () => {
    await createAll('a', 'b', 'c');
    stick();
    const begun = await balance();
    await rounds(4);
    await cluster.call('cancelOperation', { params: { ref: String(begun.spec.number) } });
    await rounds(2);
    expect((await latest(begun)).status.state).toBe('running');
    unstick();
    await rounds(20);
    const { status } = await latest(begun);
    expect(status).toMatchObject({ state: 'cancelled', error: { code: 'operation_cancelled' } });
    expect(Object.values(results({ status } as Operation)).sort()).toEqual([
      expect.stringMatching(/^done to n/),
      'skipped not begun',
    ]);
  });

  test('a controller that starts again goes on where the other one was', async () => {
    await createAll('a', 'b', 'c');
    stick();
    const begun = await balance();
    await rounds(4);
    const { env, store, images } = cluster;
    const next = new Controller({ store, env, images });
    const stop = new AbortController();
    const done = next.run(stop.signal);
    unstick();
    await rounds(25);
    expect((await latest(begun)).status).toMatchObject({ state: 'succeeded', result: { moved: 2 } });
    const moves = (await store.list('operation')).items.filter(({ spec }) => spec.kind === 'instance.move');
    expect(moves).toHaveLength(2);
    stop.abort();
    await done;
  });
});

describe('with others', () => {
  test('one at a time, of the same group; a repeated request is the same one', async () => {
    await createAll('a', 'b', 'c');
    stick();
    const ask = () =>
      cluster.controller.call('balanceCluster', {
        token: cluster.adminToken,
        idempotencyKey: 'once',
        body: {},
      });
    const [first, again] = [await ask(), await ask()].map(({ body }) => body as Operation);
    expect(again?.id).toBe(first?.id);
    await expect(balance()).rejects.toMatchObject({ code: 'busy' });
    await expect(balance({ group: 'default' })).rejects.toMatchObject({ code: 'busy' });
    const both = await Promise.allSettled([balance(), balance()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('of two at once one is begun', async () => {
    await createAll('a', 'b', 'c');
    const both = await Promise.allSettled([balance(), balance({ group: 'default' })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'busy' } });
  });

  test('an evacuation that begins meanwhile comes first', async () => {
    await createAll('a', 'b', 'c', 'd', 'e', 'f');
    stick();
    const begun = await balance();
    await rounds(4);
    await cluster.call('evacuateNode', { params: { ref: 'n1' }, body: {} });
    await expect(balance()).rejects.toMatchObject({ code: 'busy' });
    unstick();
    await rounds(60);
    const { status } = await latest(begun);
    expect(status.state).toBe('succeeded');
    expect(status.steps.filter(({ state }) => state === 'done')).toHaveLength(1);
    expect(status.steps.at(-1)?.detail).toMatch(/n1 is being emptied: operation \d+/);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) expect(await nodeOf(name)).not.toBe('n1');
  });

  test('is not begun while a node of the group is emptied', async () => {
    await createAll('a', 'b');
    stick();
    await cluster.call('evacuateNode', { params: { ref: 'n1' }, body: {} });
    const refused = { code: 'busy', message: expect.stringContaining('node n1') };
    await expect(balance()).rejects.toMatchObject(refused);
    await expect(balance({ group: 'default' })).rejects.toMatchObject(refused);
  });

  test('a guest that is being moved is busy for its user', async () => {
    await createAll('a', 'b', 'c');
    stick();
    const begun = await balance();
    await rounds(4);
    const { name = '' } = (await latest(begun)).status.steps.find(({ state }) => state === 'running') ?? {};
    for (const route of ['deleteInstance', 'moveInstance'] as const)
      await expect(
        cluster.call(route, { params: { ref: name }, ...(route === 'moveInstance' ? { body: {} } : {}) }),
      ).rejects.toMatchObject({ code: 'busy' });
  });

  test.each<[object, string]>([
    [{ group: 'nobody' }, 'not_found'],
    [{ maxMoves: 0 }, 'invalid_body'],
    [{ maxMoves: 1.5 }, 'invalid_body'],
    [{ maxBytes: 0 }, 'invalid_body'],
    [{ maxBytes: -1 }, 'invalid_body'],
    [{ minGain: 0 }, 'invalid_body'],
    [{ minGain: 'much' }, 'invalid_body'],
    [{ stop: 'yes' }, 'invalid_body'],
    [{ node: 'n1' }, 'unknown_field'],
  ])('%j is refused', async (body, code) => {
    await expect(balance(body as BalanceCluster)).rejects.toMatchObject({ code });
  });
});
