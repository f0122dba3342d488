/** `instance move` as the controller sees it: two scripted agents, and everything that may come between. */
import type { Guest, Instance, Operation, Plan, Replica, StatusReport } from '@gantry/model';
import { err, toProblem } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let second: FakeAgent;
beforeEach(async () => {
  cluster = await testCluster();
  second = await addNode(cluster, 'n2');
});
afterEach(() => cluster.close());

async function create(name: string, more: object = {}): Promise<Instance> {
  const body = { name, flavor: 'small', image: 'debian/12', node: 'n1', ...more };
  await cluster.call('createInstance', { body });
  await rounds();
  return cluster.instance(name);
}

/** Both agents in turn. */
async function rounds(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await settle();
    await cluster.agent.round();
    await second.round();
    await settle();
  }
}

const move = (name: string, body: object = {}) =>
  cluster.call<Operation>('moveInstance', { params: { ref: name }, body });
const operation = ({ spec }: Operation) => cluster.operation(spec.number);
const guests = async (): Promise<Guest[]> => (await cluster.store.list('guest')).items;
const replicas = async (): Promise<Replica[]> => (await cluster.store.list('replica')).items;
const nodeIds = async () => {
  const items = (await cluster.store.list('node')).items;
  return (name: string) => items.find((node) => node.name === name)?.id;
};
const stepsOf = ({ status }: Operation) => status.steps.map(({ name, state }) => `${name} ${state}`);

/** No copy arrives. */
const stuck = (status: StatusReport): StatusReport =>
  status.kind === 'replica' && status.status.state === 'ready'
    ? { ...status, status: { state: 'creating' } }
    : status;
const failing =
  (problem: ReturnType<typeof err>) =>
  (status: StatusReport): StatusReport =>
    status.kind === 'replica' && status.status.state === 'ready'
      ? { ...status, status: { state: 'failed', error: toProblem(problem) } }
      : status;

/** It is where it is said to be, once, and nothing of it is anywhere else. */
async function isWholeAt(name: string, node: string): Promise<void> {
  const id = await nodeIds();
  const instance = await cluster.instance(name);
  expect(instance.status.node).toBe(id(node));
  expect((await guests()).map(({ spec }) => [spec.node, spec.role, spec.remove])).toEqual([
    [id(node), 'run', false],
  ]);
  const disks = (await replicas()).filter(({ spec }) => spec.what === 'disk');
  expect(disks.map(({ spec }) => [spec.node, spec.desired, 'send' in spec])).toEqual([
    [id(node), 'present', false],
  ]);
  const [disk] = (await cluster.call<{ items: { status: object }[] }>('listDisks')).items;
  expect(disk?.status).toEqual({ state: 'ready', node: id(node) });
}

describe('one that does not run, and is to', () => {
  const error = toProblem(err('guest_refused', { why: 'no bridge' }));
  test.each<[string, object]>([
    ['its policy starts it again soon', { state: 'crashed', endedBy: 'crash', reason: 'restarts soon' }],
    ['its node cannot start it', { state: 'stopped', error }],
    ['what it needs is being waited for', { state: 'stopped', reason: 'waits for disk 1' }],
  ])('%s: it runs at the target, and is wanted again where the move fails', async (_, status) => {
    await create('web');
    const ill = (report: StatusReport): StatusReport =>
      report.kind === 'guest'
        ? ({ ...report, status: { ...report.status, ...status } } as StatusReport)
        : report;
    cluster.agent.alter = ill;
    await rounds();
    second.alter = failing(err('copy_failed', { why: 'a disk is full' }));
    const first = await move('web', { node: 'n2' });
    await rounds();
    expect((await operation(first)).status.state).toBe('failed');
    expect((await cluster.instance('web')).spec.power).toBe('running');
    second.alter = (report) => report;
    const again = await move('web', { node: 'n2' });
    cluster.agent.alter = (report) => report;
    await rounds();
    expect((await operation(again)).status.state).toBe('succeeded');
    expect((await cluster.instance('web')).status.state).toBe('running');
  });
});

describe('a stopped instance', () => {
  test('goes with its disks, its claims and a newer epoch', async () => {
    const before = await create('web', { power: 'stopped' });
    const begun = await move('web', { node: 'n2' });
    expect(begun.spec.input).toMatchObject({ fromName: 'n1', toName: 'n2', restart: false });
    await rounds();
    const done = await operation(begun);
    expect(stepsOf(done)).toEqual([
      'placed done',
      'stopped done',
      'copied done',
      'handed over done',
      'defined done',
      'source cleared done',
    ]);
    expect(done.status).toMatchObject({ state: 'succeeded', result: { node: 'n2' } });
    await isWholeAt('web', 'n2');
    const after = await cluster.instance('web');
    expect(after.spec).toEqual(before.spec);
    expect(after.status).toMatchObject({ state: 'stopped' });
    expect(after.status.epoch?.number).toBeGreaterThan(before.status.epoch?.number ?? 0);
    const decision = await cluster.call<{ chosen: { name: string } }>('getPlacement', {
      params: { ref: String(begun.spec.number) },
    });
    expect(decision.chosen.name).toBe('n2');
  });

  test('finds its own target, and may go back', async () => {
    await create('web', { power: 'stopped' });
    await move('web');
    await rounds();
    await isWholeAt('web', 'n2');
    await move('web');
    await rounds();
    await isWholeAt('web', 'n1');
  });

  test('has its room at the target from the beginning, and not twice', async () => {
    await create('web', { power: 'stopped', memoryMiB: 6000, vcpus: 1 });
    second.alter = stuck;
    await move('web', { node: 'n2' });
    await rounds();
    await expect(create('other', { node: 'n2', memoryMiB: 4000 })).rejects.toMatchObject({
      code: 'no_capacity',
    });
    second.alter = (status) => status;
    await rounds();
    await isWholeAt('web', 'n2');
    await create('third', { node: 'n1', memoryMiB: 6000 });
  });

  test.each([{}, { running: 'crash' }])(
    'a clone goes too, made with %j: its order says nothing of the copy',
    async (how) => {
      await create('web', 'running' in how ? {} : { power: 'stopped' });
      await cluster.call('cloneInstance', {
        params: { ref: 'web' },
        body: { name: 'twin', power: 'stopped', ...how },
      });
      await rounds();
      second.alter = stuck;
      await move('twin', { node: 'n2' });
      await rounds();
      const [coming] = (await second.assignments()).replicas.filter(({ spec }) => spec.what === 'disk');
      expect(coming?.spec).toMatchObject({ receive: expect.anything() });
      expect(coming?.spec).not.toHaveProperty('copy');
      expect(coming?.spec).not.toHaveProperty('renamed');
    },
  );

  test('the ticket is told to the two nodes alone, and the disk is never made anew', async () => {
    await create('web', { power: 'stopped' });
    second.alter = stuck;
    await move('web', { node: 'n2' });
    await rounds();
    const [from] = (await cluster.agent.assignments()).replicas;
    const to = (await second.assignments()).replicas.find(({ spec }) => spec.what === 'disk');
    const id = await nodeIds();
    expect(from?.spec).toMatchObject({
      send: { to: id('n2'), name: 'n2', at: { address: '192.0.2.1', port: 7461 } },
    });
    expect(to?.spec).toMatchObject({ receive: { from: id('n1'), guest: expect.any(String) } });
    expect(JSON.stringify(to)).not.toContain(
      (from as { spec: { send: { ticket: string } } }).spec.send.ticket,
    );
  });
});

describe('a running instance', () => {
  test('is refused without --stop', async () => {
    await create('web');
    await expect(move('web')).rejects.toMatchObject({
      code: 'move_needs_stop',
      hint: expect.stringContaining('gantry instance move web --stop'),
    });
  });

  test('is stopped, moved and started again', async () => {
    await create('web');
    const begun = await move('web', { stop: true });
    expect((await cluster.instance('web')).status.state).toBe('stopping');
    await rounds();
    expect(stepsOf(await operation(begun))).toContain('running done');
    await isWholeAt('web', 'n2');
    expect(await cluster.instance('web')).toMatchObject({
      spec: { power: 'running' },
      status: { state: 'running' },
    });
  });

  test('one that came up against a wish taken back is stopped, moved and left down', async () => {
    await create('web', { power: 'stopped' });
    const params = { ref: 'web' };
    const start = await cluster.call<Operation>('startInstance', {
      params,
      body: { bootOnce: ['network'], deadlineMs: 1000 },
    });
    cluster.agent.alter = (status) =>
      status.kind === 'guest' ? { ...status, status: { ...status.status, state: 'running' } } : status;
    await cluster.agent.round();
    await cluster.env.pass(1001);
    expect((await operation(start)).status.state).toBe('failed');
    expect(await cluster.instance('web')).toMatchObject({
      spec: { power: 'stopped' },
      status: { state: 'running' },
    });
    cluster.agent.alter = (status) => status;
    const { plan } = await cluster.call<Plan>('moveInstance', {
      params,
      query: { plan: true },
      body: { stop: true },
    });
    expect(plan).toEqual(expect.arrayContaining(['stop it', 'leave it stopped there']));
    const begun = await move('web', { stop: true });
    await rounds();
    expect(stepsOf(await operation(begun))).toContain('defined done');
    await isWholeAt('web', 'n2');
    expect(await cluster.instance('web')).toMatchObject({
      spec: { power: 'stopped' },
      status: { state: 'stopped' },
    });
  });

  test('one that does not come up there is there all the same, and told so', async () => {
    await create('web');
    second.alter = (status) =>
      status.kind === 'guest' && status.status.state === 'running'
        ? {
            ...status,
            status: {
              state: 'stopped',
              epoch: status.status.epoch ?? { incarnation: 0, number: 0 },
              error: toProblem(err('qemu_refused', { message: 'no' })),
            },
          }
        : status;
    const begun = await move('web', { stop: true });
    await rounds();
    expect((await operation(begun)).status).toMatchObject({
      state: 'failed',
      error: { code: 'qemu_refused' },
    });
    await isWholeAt('web', 'n2');
    expect((await cluster.instance('web')).status.state).toBe('failed');
  });
});

describe('before the hand-over', () => {
  test.each([
    ['a full disk', err('no_space', { where: '/fake' }), 'failed'],
    ['an unsafe copy', err('image_unsafe', { why: 'it stands on /etc/shadow' }), 'failed'],
  ])('%s leaves the source as it was', async (_what, problem, state) => {
    await create('web');
    second.alter = failing(problem);
    const begun = await move('web', { stop: true });
    await rounds();
    const ended = await operation(begun);
    expect(ended.status).toMatchObject({ state, error: { code: problem.code } });
    await isWholeAt('web', 'n1');
    expect((await cluster.instance('web')).status.state).toBe('running');
    expect(await cluster.store.claims(`cpu:${(await nodeIds())('n2')}`)).toEqual([]);
  });

  test('a broken connection is waited out, until the deadline', async () => {
    await create('web', { power: 'stopped' });
    second.alter = failing(err('transfer_failed', { what: 'disk', why: 'connection reset' }));
    const begun = await move('web', { deadlineMs: 60_000 });
    await rounds();
    expect((await operation(begun)).status.state).toBe('running');
    await cluster.env.pass(60_001);
    await rounds();
    expect((await operation(begun)).status).toMatchObject({
      state: 'failed',
      error: { code: 'deadline_exceeded', title: expect.stringContaining('connection reset') },
    });
    await isWholeAt('web', 'n1');
  });

  test('it is cancelled: what came to the target goes', async () => {
    await create('web');
    second.alter = stuck;
    const patience = async () => (await guests())[0]?.spec.life.stopTimeoutMs;
    const before = await patience();
    const begun = await move('web', { stop: true, timeoutMs: 1000 });
    await rounds();
    await cluster.call('cancelOperation', { params: { ref: String(begun.spec.number) } });
    await rounds();
    expect((await operation(begun)).status.state).toBe('cancelled');
    await isWholeAt('web', 'n1');
    expect(await patience()).toBe(before);
    expect((await cluster.instance('web')).status.state).toBe('running');
  });

  test('nobody else may do anything with it', async () => {
    await create('web', { power: 'stopped' });
    second.alter = stuck;
    await move('web');
    for (const route of ['startInstance', 'deleteInstance', 'moveInstance'] as const)
      await expect(
        cluster.call(route, { params: { ref: 'web' }, ...(route === 'deleteInstance' ? {} : { body: {} }) }),
      ).rejects.toMatchObject({ code: 'busy' });
  });

  test('a target that never answers keeps what is there as tombstones, and gives it back later', async () => {
    await create('web', { power: 'stopped' });
    const begun = await move('web', { deadlineMs: 60_000 });
    await settle();
    await cluster.agent.round();
    await cluster.env.pass(60_001);
    await cluster.agent.round();
    expect((await operation(begun)).status.state).toBe('cleaning');
    await cluster.env.pass(5 * 60_000 + 1);
    expect((await operation(begun)).status.state).toBe('failed');
    await cluster.agent.hello();
    await second.hello();
    await expect(move('web', { node: 'n2' })).rejects.toMatchObject({
      code: 'no_capacity',
      message: expect.stringContaining('earlier move'),
    });
    await rounds();
    await cluster.env.pass(60_001);
    await rounds();
    await isWholeAt('web', 'n1');
  });
});

describe('after the hand-over', () => {
  /** The source does not answer any more. */
  async function handedOver(body: object = {}): Promise<Operation> {
    await create('web', { power: 'stopped' });
    const begun = await move('web', { deadlineMs: 60_000, ...body });
    await settle();
    await cluster.agent.round();
    for (let turn = 0; turn < 4; turn++) {
      await second.round();
      await settle();
    }
    expect(stepsOf(await operation(begun))).toContain('handed over done');
    return begun;
  }

  test('it cannot be cancelled any more', async () => {
    const begun = await handedOver();
    await expect(
      cluster.call('cancelOperation', { params: { ref: String(begun.spec.number) } }),
    ).rejects.toMatchObject({ code: 'wrong_state' });
  });

  test('a source that is silent clears itself when it is back', async () => {
    const begun = await handedOver();
    await cluster.env.pass(60_001);
    await second.round();
    await settle();
    const done = await operation(begun);
    expect(done.status.state).toBe('succeeded');
    expect(done.status.steps.at(-1)?.detail).toMatch(/not yet: n1/);
    expect((await cluster.instance('web')).status.node).toBe((await nodeIds())('n2'));
    await cluster.call('startInstance', { params: { ref: 'web' }, body: {} });
    await second.round();
    await settle();
    expect((await cluster.instance('web')).status.state).toBe('running');
    await rounds();
    await cluster.env.pass(60_001);
    await rounds();
    await isWholeAt('web', 'n2');
  });

  test('deleted meanwhile, nothing is left anywhere', async () => {
    await handedOver();
    await cluster.env.pass(60_001);
    await second.round();
    await settle();
    await cluster.call('deleteInstance', { params: { ref: 'web' } });
    await rounds();
    expect(await guests()).toEqual([]);
    expect((await replicas()).filter(({ spec }) => spec.what === 'disk')).toEqual([]);
    expect(await cluster.store.claims('mac')).toEqual([]);
  });
});

describe('what cannot be', () => {
  test.each([
    ['to its own node', { node: 'n1' }, 'invalid_argument'],
    ['to a node that is not', { node: 'n9' }, 'not_found'],
    ['with a field of another request', { until: 'ping' }, 'unknown_field'],
    ['with a deadline of nothing', { deadlineMs: 0 }, 'invalid_body'],
  ])('%s', async (_what, body, code) => {
    await create('web', { power: 'stopped' });
    await expect(move('web', body)).rejects.toMatchObject({ code });
    await isWholeAt('web', 'n1');
  });

  test('a node that takes no disks, is full or drained, each with its reason', async () => {
    await create('web', { power: 'stopped' });
    await cluster.call('setNode', { params: { ref: 'n2' }, body: { role: 'drained' } });
    await expect(move('web', { node: 'n2' })).rejects.toMatchObject({
      code: 'no_capacity',
      message: expect.stringContaining('drained'),
    });
    await cluster.call('setNode', { params: { ref: 'n2' }, body: { role: 'active' } });
    const { facts, ...node } = second.nodeStatus();
    const { transfer: _, ...closed } = facts ?? ({} as never);
    await second.report({ node: { ...node, facts: closed } });
    await expect(move('web')).rejects.toMatchObject({ message: expect.stringContaining('no port') });
  });

  test('one whose resize waits for its decision', async () => {
    await create('web', { power: 'stopped' });
    await cluster.call('resizeInstance', { params: { ref: 'web' }, body: { memoryMiB: 256 } });
    await rounds();
    await expect(move('web')).rejects.toMatchObject({ code: 'resize_pending' });
    await cluster.call('confirmInstanceResize', { params: { ref: 'web' } });
    expect((await move('web')).spec.kind).toBe('instance.move');
  });

  test('a locked one', async () => {
    await create('web', { power: 'stopped' });
    await cluster.call('lockInstance', { params: { ref: 'web' }, body: { reason: 'audit' } });
    await expect(move('web')).rejects.toMatchObject({ code: 'locked' });
  });
});

test('a plan says what would happen and changes nothing', async () => {
  await create('web');
  const before = await cluster.store.revision();
  const { plan } = await cluster.call<Plan>('moveInstance', {
    params: { ref: 'web' },
    body: { stop: true },
    query: { plan: true },
  });
  expect(plan).toEqual([
    'move instance web from n1 to n2, 1 looked at',
    'stop it',
    expect.stringMatching(/^copy its disks: /),
    'start it there',
    'remove its disks from n1',
  ]);
  expect(await cluster.store.revision()).toBe(before);
});

test('asked again with the same key it is the same operation', async () => {
  await create('web', { power: 'stopped' });
  const request = { params: { ref: 'web' }, body: {}, idempotencyKey: 'once' };
  const first = await cluster.call<Operation>('moveInstance', request);
  expect((await cluster.call<Operation>('moveInstance', request)).id).toBe(first.id);
});
