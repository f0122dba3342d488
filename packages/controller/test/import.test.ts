/** Domains that somebody else made, as a scripted node finds them: what an import claims, and what it is refused for. */
import type { Assignments, ForeignDomain, ImportInstance, Instance, Operation } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Controller } from '../src/controller.ts';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { fakeHardware } from '../src/testing/fake-hardware.ts';
import { addNode } from '../src/testing/more-nodes.ts';

const uuid = (last: number) => `22222222-3333-4444-8555-66666666660${last}`;
const domain = (last: number, changes: Partial<ForeignDomain> = {}): ForeignDomain => ({
  uuid: uuid(last),
  name: `guest${last}`,
  state: 'running',
  definition: 'd'.repeat(64),
  autostart: true,
  snapshots: 0,
  vcpus: 2,
  memoryMiB: 1024,
  disks: [{ target: 'vda', device: 'disk', source: `/srv/${last}.img`, shared: false }],
  nics: [{ mac: `52:54:00:aa:00:0${last}`, source: 'bridge gy0', bridge: 'gy0' }],
  pciDevices: [],
  kept: [],
  addresses: [],
  waiting: [],
  obstacles: [],
  ...changes,
});

let cluster: TestCluster;
let there: ForeignDomain[];
const over = new AbortController();
beforeEach(async () => {
  cluster = await testCluster();
  cluster.agent.capabilities.push('guest:adopt');
  const status = cluster.agent.nodeStatus();
  if (!status.facts) throw new Error('the fake agent has facts');
  const hardware = fakeHardware();
  await cluster.agent.report({ node: { ...status, facts: { ...status.facts, hardware } } });
  there = [domain(1), domain(2)];
  await answerCalls(
    cluster.controller,
    cluster.agentToken,
    (call) => {
      const answer = there.find(({ name }) => call.do === 'domain.inspect' && name === call.domain);
      return `${JSON.stringify({ answer })}\n`;
    },
    over.signal,
  );
});
afterEach(() => cluster.close());

const ask = (body: Partial<ImportInstance> = {}, more: object = {}) =>
  cluster.call<Operation>('importInstance', { body: { domain: 'guest1', ...body }, ...more });
const usage = async () => {
  const project = await cluster.call<{ status: { usage: object } }>('getProject', {
    params: { ref: 'default' },
  });
  return project.status.usage;
};
const nothing = { instances: 0, vcpus: 0, memoryMiB: 0, diskMiB: 0, addresses: 0 };
const given = { mac: '52:54:00:aa:00:01', address: '10.9.8.11' };
const bindings = async (): Promise<Assignments['guests']> => (await cluster.agent.assignments()).guests;
async function ended({ spec }: Operation): Promise<Operation> {
  await cluster.converge();
  return cluster.operation(spec.number);
}

describe('what an import counts', () => {
  test('is its size and its addresses, in its project, until it is given back', async () => {
    await ended(await ask({ addresses: [given] }));
    expect(await usage()).toEqual({ instances: 1, vcpus: 2, memoryMiB: 1024, diskMiB: 0, addresses: 1 });
    const release = { params: { ref: 'guest1' }, body: {} };
    const { status } = await ended(await cluster.call<Operation>('releaseInstance', release));
    expect(status.state).toBe('succeeded');
    expect(await usage()).toEqual(nothing);
    for (const space of ['mac', 'pci:n1']) expect(await cluster.store.claims(space)).toEqual([]);
  });

  test.each([{ vcpus: 1 }, { memoryMiB: 512 }, { instances: 0 }, { addresses: 0 }])(
    'is refused beyond the quota: %j',
    async (quota) => {
      await cluster.call('setProject', { params: { ref: 'default' }, body: { quota } });
      await expect(ask({ addresses: [given] })).rejects.toMatchObject({ code: 'quota_exceeded' });
      expect([await usage(), await bindings()]).toEqual([nothing, []]);
    },
  );

  test('is of the project that was named, and of no other', async () => {
    await cluster.call('createProject', { body: { name: 'blue', quota: { instances: 1 } } });
    await ended(await ask({}, { project: 'blue' }));
    expect(await usage()).toEqual(nothing);
    await expect(ask({ domain: 'guest2' }, { project: 'blue' })).rejects.toMatchObject({
      code: 'quota_exceeded',
      params: { project: 'blue' },
    });
    const { spec } = await ask({ domain: 'guest2', name: 'guest1' });
    expect(spec.target).toMatchObject({ name: 'guest1', id: uuid(2) });
  });
});

describe('what is refused, with nothing claimed', () => {
  const gpu = '0000:81:00.0';
  const shares = (changes: Partial<ForeignDomain>) => () => {
    there = [domain(1, changes), domain(2, changes)];
  };
  test.each<[string, () => void, RegExp]>([
    ['a PCI device', shares({ pciDevices: [gpu] }), /PCI device 0000:81:00.0 is instance guest1’s/],
    ['a MAC', shares({ nics: domain(1).nics }), /MAC 52:54:00:aa:00:01 is instance guest1’s/],
    ['a disk', shares({ disks: domain(1).disks }), /disk \/srv\/1.img is instance guest1’s/],
  ])('%s that an imported one has', async (_, prepare, why) => {
    prepare();
    await ended(await ask());
    await expect(ask({ domain: 'guest2' })).rejects.toMatchObject({
      code: 'not_adoptable',
      message: expect.stringMatching(why),
    });
    expect((await bindings()).map(({ spec }) => spec.instance)).toEqual([uuid(1)]);
  });

  test.each<[Partial<ForeignDomain>, Partial<ImportInstance>, string]>([
    [{ pciDevices: [gpu, gpu] }, {}, 'not_adoptable'],
    [{ obstacles: ['it is transient'] }, {}, 'not_adoptable'],
    [{ name: 'Guest_1' }, { domain: 'Guest_1' }, 'invalid_argument'],
    [{}, { name: 'taken' }, 'name_taken'],
    [{}, { addresses: [{ ...given, mac: '52:54:00:aa:00:09' }] }, 'invalid_argument'],
    [{}, { addresses: [given, { ...given, address: '10.9.8.12' }] }, 'invalid_argument'],
    [{}, { addresses: [{ ...given, address: '10.9.8.10' }] }, 'address_taken'],
    [{}, { node: 'n9' }, 'not_found'],
    [{}, { domain: 'absent' }, 'node_unreachable'],
  ])('%j, %j: %s', async (changes, body, code) => {
    await cluster.call('createInstance', { body: { name: 'taken', flavor: 'tiny', image: 'debian/12' } });
    there = [domain(1, changes)];
    const before = await usage();
    await expect(ask(body)).rejects.toMatchObject({ code });
    expect([await usage(), (await bindings()).length]).toEqual([before, 1]);
  });

  test('an import without a node, where there are several', async () => {
    await addNode(cluster, 'n2');
    await expect(ask()).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await ask({ node: 'n1' })).spec.kind).toBe('instance.import');
  });

  test('an agent that knows of no imports', async () => {
    cluster.agent.capabilities = ['disk:send'];
    await cluster.agent.hello();
    await expect(ask()).rejects.toMatchObject({ code: 'agent_outdated' });
  });
});

test('of two at once, on two controllers, one takes it', async () => {
  const { store, env, images, adminToken: token } = cluster;
  const other = new Controller({ store, env, images });
  const stop = new AbortController();
  const says = () => `${JSON.stringify({ answer: domain(1) })}\n`;
  await answerCalls(other, cluster.agentToken, says, stop.signal);
  const both = [cluster.controller, other].map((one, index) =>
    one.call('importInstance', { token, body: { domain: 'guest1', name: `name${index}` } }),
  );
  const answers = await Promise.allSettled(both);
  stop.abort();
  const refused = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  expect(refused).toEqual(['not_adoptable']);
  expect(await bindings()).toHaveLength(1);
  expect(await usage()).toMatchObject({ instances: 1, vcpus: 2 });
});

test('the same request twice is one import', async () => {
  const key = { idempotencyKey: '11111111-2222-4333-8444-555555555555' };
  const [first, second] = [await ask({}, key), await ask({}, key)];
  expect(second.id).toBe(first.id);
  expect(await bindings()).toHaveLength(1);
});

test('a device of an imported guest is given to nobody else, until that one is given back', async () => {
  there = [domain(1, { pciDevices: ['0000:81:00.0'] })];
  const host = { pciDevices: [{ alias: 'gpu', id: '10de:2330' }] };
  await cluster.call('setNode', { params: { ref: 'n1' }, body: { host } });
  const spec = { vcpus: 1, memoryMiB: 256, diskMiB: 64, extraSpecs: { 'pci_passthrough:alias': 'gpu:1' } };
  await cluster.call('createFlavor', { body: { name: 'gpu', spec } });
  await ended(await ask());
  const create = () =>
    cluster.call<Operation>('createInstance', { body: { name: 'b', flavor: 'gpu', image: 'debian/12' } });
  await expect(create()).rejects.toThrow('0 gpu free');
  await ended(await cluster.call<Operation>('releaseInstance', { params: { ref: 'guest1' }, body: {} }));
  expect((await create()).spec.kind).toBe('instance.create');
});

test('an imported guest stands in the way of a drain, which says so', async () => {
  await ended(await ask());
  await addNode(cluster, 'n2');
  const plan = await cluster.call<{ steps: object[] }>('evacuateNode', {
    params: { ref: 'n1' },
    query: { plan: true },
    body: {},
  });
  expect(plan.steps).toMatchObject([
    { name: 'guest1', way: 'blocked', why: expect.stringContaining('was imported') },
  ]);
  expect((await cluster.call<Instance>('getInstance', { params: { ref: 'guest1' } })).status.state).toBe(
    'running',
  );
});
