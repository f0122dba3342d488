/** A group's CPU baseline from its nodes' facts to its guests: computed by a node, kept while guests have it. */
import type { Group, Node, NodeCall, PlacementDecision, Plan } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { fakeHardware } from '../src/testing/fake-hardware.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let over: AbortController;
let calls: NodeCall[];
beforeEach(async () => {
  cluster = await testCluster();
  over = new AbortController();
  calls = [];
});
afterEach(async () => {
  over.abort();
  await cluster.close();
});

/** libvirt, as far as it goes: models are named by their features, `aes.avx`. */
function libvirt(call: NodeCall): string {
  calls.push(call);
  if (call.do !== 'cpu.baseline') throw new Error('only CPUs are asked about');
  const each = call.cpus.map(({ model }) => model.split('.'));
  const features = (each[0] ?? []).filter((name) => each.every((other) => other.includes(name)));
  return `${JSON.stringify({ answer: { cpu: { model: features.join('.'), features: [] }, features } })}\n`;
}

const listen = () => answerCalls(cluster.controller, cluster.agentToken, libvirt, over.signal);

/** Reports that its CPU has these. */
async function has(agent: FakeAgent, cpuFeatures: string[], vendor?: string): Promise<void> {
  const status = agent.nodeStatus();
  if (!status.facts) throw new Error('the fake agent has facts');
  const hostModel = { model: cpuFeatures.join('.'), ...(vendor ? { vendor } : {}), features: [] };
  const facts = { ...status.facts, hardware: fakeHardware({ cpuFeatures, hostModel }) };
  await agent.report({ node: { ...status, facts } });
  await settle();
}

const group = () => cluster.call<Group>('getGroup', { params: { ref: 'default' } });
const model = async () => (await group()).status.cpu?.baseline.model;
const condition = async (ref: string) =>
  (await cluster.call<Node>('getNode', { params: { ref } })).status.conditions.find(
    ({ type }) => type === 'CpuBaseline',
  );
const make = (name: string, node?: string) =>
  cluster.call('createInstance', {
    body: {
      name,
      flavor: 'tiny',
      image: 'debian/12',
      guest: { cpuMode: 'host-model' },
      ...(node ? { node } : {}),
    },
  });
const baselineOf = async (name: string) => {
  const { id } = await cluster.instance(name);
  const { items } = await cluster.store.list('guest', { owner: id });
  return items[0]?.spec.input.cpuBaseline;
};
const narrow = (query = {}) =>
  cluster.call<Group & Plan>('narrowCpuBaseline', { params: { ref: 'default' }, query, body: {} });

test('a single node’s guests have its own CPU, those of two what both can', async () => {
  await listen();
  await has(cluster.agent, ['aes', 'avx', 'avx2']);
  expect(await model()).toBeUndefined();
  await make('alone');
  expect(await baselineOf('alone')).toBeUndefined();

  const second = await addNode(cluster, 'n2');
  await has(second, ['aes', 'avx']);
  expect(await model()).toBe('aes.avx');
  await make('mobile');
  expect(await baselineOf('mobile')).toEqual({ group: 'default', cpu: { model: 'aes.avx', features: [] } });
  const { items } = await cluster.call<{ items: { type: string; message: string }[] }>('listEvents');
  expect(items).toContainEqual(
    expect.objectContaining({
      type: 'group.cpu-baseline',
      message: 'CPU baseline of group default: aes.avx, of 2 nodes',
    }),
  );
});

test('it does not become narrower while guests have it: the node is left out, said so, and used last', async () => {
  await listen();
  const second = await addNode(cluster, 'n2');
  await has(cluster.agent, ['aes', 'avx']);
  await has(second, ['aes', 'avx']);
  await make('old');
  const third = await addNode(cluster, 'n3');
  await has(third, ['aes']);
  expect(await model()).toBe('aes.avx');
  expect((await group()).status.conditions).toMatchObject([
    { type: 'CpuBaseline', status: 'false', reason: 'NodesLeftOut', message: 'left out: n3' },
  ]);
  expect(await condition('n3')).toMatchObject({
    status: 'false',
    reason: 'LeftOut',
    message: expect.stringMatching(/^it lacks avx of the CPU baseline of group default/),
  });
  await has(third, ['aes']);
  expect(await condition('n3')).toBeDefined();
  expect(await condition('n1')).toBeUndefined();

  const { placement } = await cluster.call<{ placement: PlacementDecision }>('createInstance', {
    query: { plan: true },
    body: { name: 'next', flavor: 'tiny', image: 'debian/12', guest: { cpuMode: 'host-model' } },
  });
  expect(placement.verdicts.at(-1)).toMatchObject({ name: 'n3', score: { parts: { cpuBaseline: 8 } } });
  await make('there', 'n3');
  expect(await baselineOf('there')).toBeUndefined();
});

test('an operator makes it narrower, and sees before what that means', async () => {
  await listen();
  const second = await addNode(cluster, 'n2');
  await has(cluster.agent, ['aes', 'avx']);
  await has(second, ['aes', 'avx']);
  await make('old');
  await has(second, ['aes']);
  expect(await model()).toBe('aes.avx');
  const { plan } = await narrow({ plan: true });
  expect(plan).toEqual([
    'CPU baseline of group default: aes.avx -> aes, of n1, n2',
    'guests started from then on lack avx; those that run keep what they have, and cannot move to nodes without',
  ]);
  expect(await model()).toBe('aes.avx');
  expect((await narrow()).status.cpu).toMatchObject({
    baseline: { model: 'aes' },
    narrowedAt: expect.any(String),
  });
  expect(await condition('n2')).toBeUndefined();
  expect((await baselineOf('old'))?.cpu.model).toBe('aes.avx');
  await settle();
  expect(await model()).toBe('aes');
});

test('it widens when the lesser node goes, and goes with the last but one', async () => {
  await listen();
  const second = await addNode(cluster, 'n2');
  const third = await addNode(cluster, 'n3');
  await has(cluster.agent, ['aes', 'avx']);
  await has(second, ['aes', 'avx']);
  await has(third, ['aes']);
  expect(await model()).toBe('aes');
  const remove = async (ref: string) => {
    await cluster.call('setNode', { params: { ref }, body: { role: 'offline' } });
    await cluster.call('removeNode', { params: { ref } });
    await settle();
  };
  await remove('n3');
  expect(await model()).toBe('aes.avx');
  await remove('n2');
  expect((await group()).status).toEqual({});
});

test('where no node answers that is said, and it is tried again', async () => {
  const second = await addNode(cluster, 'n2');
  await has(cluster.agent, ['aes', 'avx']);
  await has(second, ['aes']);
  expect((await group()).status.conditions).toMatchObject([{ status: 'unknown', reason: 'NotComputed' }]);
  await expect(narrow()).rejects.toMatchObject({ code: 'cpu_baseline_unknown' });
  await listen();
  await settle();
  await cluster.env.pass(6000);
  expect(await model()).toBe('aes');
});

test('a node of another vendor is left out, and says so', async () => {
  await listen();
  const second = await addNode(cluster, 'n2');
  const third = await addNode(cluster, 'n3');
  await has(cluster.agent, ['aes', 'avx'], 'Intel');
  await has(second, ['aes'], 'Intel');
  await has(third, ['aes', 'avx'], 'AMD');
  expect(await model()).toBe('aes');
  expect((await condition('n3'))?.message).toContain('it is x86_64 tcg AMD');
});
