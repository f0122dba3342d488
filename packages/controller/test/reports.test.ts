/** What agents say: numbered, only of their own, and what follows from it. */
import type { Instance, LogLine, Node, Operation, OperationId, StatusReport } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Draft } from '../src/store/batch.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { FakeAgent } from '../src/testing/fake-agent.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createInstance', { body: { name: 'hello', flavor: 'small', image: 'debian/12' } });
  await cluster.converge();
});
afterEach(() => cluster.close());

const report = (body: object) =>
  cluster.controller.call('report', { token: cluster.agentToken, body: { statuses: [], ...body } });
const accepted = async (body: object) => ((await report(body)).body as { accepted: boolean }).accepted;

async function guestSays(status: object): Promise<void> {
  const [guest] = (await cluster.agent.assignments()).guests;
  if (!guest) throw new Error('no guest');
  const { id, generation } = guest;
  const said = { kind: 'guest', id, generation, status: { epoch: guest.spec.epoch, ...status } };
  await cluster.agent.report({ statuses: [said as StatusReport] });
  await settle();
}

test('older and repeated reports are dropped, a new boot begins anew, an old boot never returns', async () => {
  const last = await cluster.store.seen((await cluster.agent.assignments()).node);
  const { run = 0, sequence = 0 } = last ?? {};
  expect(await accepted({ bootId: 'boot-1', run, sequence })).toBe(false);
  expect(await accepted({ bootId: 'boot-1', run: run - 1, sequence: sequence + 5 })).toBe(false);
  expect(await accepted({ bootId: 'boot-1', run: run + 1, sequence: 0 })).toBe(true);
  expect(await accepted({ bootId: 'boot-2', run: 0, sequence: 0 })).toBe(true);
  await expect(accepted({ bootId: 'boot-1', run: 99, sequence: 99 })).rejects.toMatchObject({
    code: 'identity_taken',
  });
  expect((await report({ bootId: 'boot-2', run: 0, sequence: 0 })).body).toMatchObject({
    accepted: false,
    latest: { run: 0, sequence: 0 },
  });
});

test('what changes nothing makes no revision', async () => {
  await cluster.converge();
  const before = await cluster.store.revision();
  await cluster.agent.round();
  await cluster.agent.hello();
  await cluster.env.pass(1000);
  await cluster.agent.hello();
  expect(await cluster.store.revision()).toBe(before);
});

test('a guest that powered itself off, where its policy says stop, shall stay down', async () => {
  await guestSays({ state: 'stopped', endedBy: 'guest-poweroff' });
  const { spec, status } = await cluster.instance('hello');
  expect([spec.power, status.state, status.reason]).toEqual([
    'stopped',
    'stopped',
    'powered off by the guest',
  ]);
  const [guest] = (await cluster.agent.assignments()).guests;
  expect(guest?.spec.power).toBe('stopped');
});

test('a guest that rebooted itself, where its policy says restart, stays wanted', async () => {
  await guestSays({ state: 'stopped', endedBy: 'guest-reboot' });
  expect((await cluster.instance('hello')).spec.power).toBe('running');
});

test('a guest that crashed too often is crashed, and can be started again', async () => {
  await guestSays({ state: 'crashed', endedBy: 'crash' });
  const { status } = await cluster.instance('hello');
  expect([status.state, status.reason]).toEqual(['crashed', 'QEMU ended unexpectedly']);
  await cluster.call('startInstance', { params: { ref: 'hello' }, body: {} });
  await cluster.converge();
  expect((await cluster.instance('hello')).status.state).toBe('running');
});

test('a node that is not heard of is lost, its guests unknown; heard again, all is as it was', async () => {
  await cluster.env.pass(60_000);
  const node = () => cluster.call<Node>('getNode', { params: { ref: 'n1' } });
  expect((await node()).status.state).toBe('lost');
  expect((await cluster.instance('hello')).status.state).toBe('unknown');
  expect(await cluster.call('listEvents', { query: { type: 'node.lost' } })).toMatchObject({
    items: [{ subject: { name: 'n1' } }],
  });
  await cluster.agent.hello();
  await cluster.converge();
  expect((await node()).status.state).toBe('ready');
  expect((await cluster.instance('hello')).status.state).toBe('running');
});

/** The agent of another node of the cluster. */
async function otherAgent(): Promise<FakeAgent> {
  const [own] = (await cluster.store.list('node')).items;
  if (!own) throw new Error('no node');
  const other: Node = { ...own, id: cluster.env.uuid() as Node['id'], name: 'n2' };
  await cluster.store.commit(new Draft(0).add(other).batch);
  const { secret } = await cluster.call<{ secret: string }>('createToken', {
    body: { name: 'n2', spec: { role: 'agent', node: 'n2' } },
  });
  return new FakeAgent(cluster.controller, cluster.env, secret);
}

test('an agent neither sees nor writes what is another node’s', async () => {
  const foreign = await otherAgent();
  expect((await foreign.assignments()).guests).toEqual([]);
  const [guest] = (await cluster.agent.assignments()).guests;
  if (!guest) throw new Error('no guest');
  const before = await cluster.store.revision();
  await foreign.report({
    statuses: [{ kind: 'guest', id: guest.id, generation: 1, status: { state: 'crashed' } }],
    events: [{ type: 'guest.crash', level: 'error', instance: guest.spec.instance as never, message: 'lie' }],
  });
  expect(await cluster.store.revision()).toBe(before);
  const lies = await cluster.call<{ items: { subject: { name: string } }[] }>('listEvents', {
    query: { type: 'guest.crash' },
  });
  expect(lies.items.map(({ subject }) => subject.name)).toEqual(['n2']);
  for (const route of ['listInstances', 'getCluster', 'watch'] as const)
    await expect(cluster.controller.call(route, { token: foreign.token })).rejects.toMatchObject({
      code: 'forbidden',
    });
});

describe('lines of operations', () => {
  const line = (text: string): LogLine => ({ at: new Date(0).toISOString(), level: 'output', text });
  const numbered = async (kind: string): Promise<Operation> => {
    const { items } = await cluster.store.list('operation');
    const found = items.find(({ spec }) => spec.kind === kind);
    if (!found) throw new Error(`no ${kind}`);
    return found;
  };
  const write = async (agent: FakeAgent, { id }: Operation, text: string) => {
    const log = [{ operation: id as OperationId, lines: [line(text)] }];
    expect(await agent.report({ log })).toMatchObject({ accepted: true });
  };
  const textOf = async ({ id }: Operation) => (await cluster.store.log(id)).map(({ text }) => text);

  test('are taken of the node that works for it, and of no other', async () => {
    const foreign = await otherAgent();
    const create = await numbered('instance.create');
    await write(cluster.agent, create, 'mine');
    await write(foreign, create, 'lie');
    expect(await textOf(create)).toEqual(['mine']);
  });

  test('once its target is gone nobody writes any more', async () => {
    const foreign = await otherAgent();
    await cluster.call('deleteInstance', { params: { ref: 'hello' } });
    await cluster.converge();
    for (const operation of [await numbered('instance.delete'), await numbered('instance.create')]) {
      await write(foreign, operation, 'lie');
      await write(cluster.agent, operation, 'late');
      expect(await textOf(operation)).toEqual([]);
    }
  });

  test('of a disk, of the node where it lies; of a node, of none', async () => {
    const foreign = await otherAgent();
    const growth = { params: { ref: 'hello:0' }, body: { byBytes: 2 ** 20 } };
    const grow = await cluster.call<Operation>('growDisk', growth);
    await write(foreign, grow, 'lie');
    await write(cluster.agent, grow, 'mine');
    expect(await textOf(grow)).toEqual(['mine']);
    const evacuate = await cluster.call<Operation>('evacuateNode', { params: { ref: 'n1' }, body: {} });
    await write(foreign, evacuate, 'lie');
    expect(await textOf(evacuate)).toEqual([]);
  });
});

test('things that the store does not know are passed over', async () => {
  const before = await cluster.store.revision();
  const status = { state: 'running' } as const;
  await cluster.agent.report({
    statuses: [{ kind: 'guest', id: cluster.env.uuid() as never, generation: 1, status }],
  });
  expect(await cluster.store.revision()).toBe(before);
});

test('wake-ups: one at the start, then one for many changes, and none for other things', async () => {
  const over = new AbortController();
  const { events } = await cluster.controller.call('watchAssignments', {
    token: cluster.agentToken,
    signal: over.signal,
  });
  const told: unknown[] = [];
  const reading = (async () => {
    for await (const event of events ?? []) told.push(event.event);
  })();
  await settle();
  expect(told).toEqual(['changed']);
  await cluster.call('createFlavor', { body: { name: 'other', spec: { vcpus: 1, memoryMiB: 64 } } });
  await settle();
  expect(told).toEqual(['changed']);
  await cluster.call<Instance>('stopInstance', { params: { ref: 'hello' }, body: {} });
  await settle();
  expect(told).toEqual(['changed', 'changed']);
  // what it says itself does not wake it
  await cluster.agent.round();
  await settle();
  expect((await cluster.instance('hello')).status.state).toBe('stopped');
  expect(told).toEqual(['changed', 'changed']);
  over.abort();
  await reading;
});
