/** Rules between instances, and bounds of groups and nodes, on a cluster of four nodes. */
import type {
  AffinityRule,
  AffinityStanding,
  Instance,
  Node,
  Operation,
  PlacementDecision,
} from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { addNode } from '../src/testing/more-nodes.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  for (const name of ['n2', 'n3', 'n4']) await addNode(cluster, name);
});
afterEach(() => cluster.close());

const body = (name: string, more: object = {}) => ({
  name,
  flavor: 'tiny',
  image: 'debian/12',
  nics: [],
  ...more,
});
const create = (name: string, more: object = {}) =>
  cluster.call<Operation>('createInstance', { body: body(name, more) });
const plan = (name: string, more: object = {}) =>
  cluster.call<{ placement: PlacementDecision }>('createInstance', {
    body: body(name, more),
    query: { plan: true },
  });
const rule = (policy: AffinityRule['policy'], meant: string): AffinityRule =>
  meant.includes('=') ? { policy, label: meant } : { policy, instance: meant };
const rules = (policy: AffinityRule['policy'], ...meant: string[]) => ({
  affinity: meant.map((each) => rule(policy, each)),
});
async function nodeOf(name: string): Promise<string> {
  const { status } = await cluster.call<Instance>('getInstance', { params: { ref: name } });
  return (await cluster.call<Node>('getNode', { params: { ref: status.node ?? '' } })).name;
}
const standing = async (name: string) =>
  (await cluster.call<{ items: AffinityStanding[] }>('getInstanceAffinity', { params: { ref: name } })).items;

describe('anti-affinity', () => {
  const db = { labels: { app: 'db' }, ...rules('anti-affinity', 'app=db') };

  test('each of many at once has a node of its own, and who finds none left is refused', async () => {
    const answers = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => create(`db${i}`, db)));
    const nodes = (await cluster.store.list('instance')).items.map(({ status }) => status.node);
    expect(nodes).toHaveLength(4);
    expect(new Set(nodes).size).toBe(4);
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refused).toMatchObject([{ code: 'no_capacity' }, { code: 'no_capacity' }]);
    expect(String(refused[0])).toMatch(/4 anti-affinity/);
  });

  test('holds against those who come later and say nothing', async () => {
    await create('db1', db);
    const there = await nodeOf('db1');
    const { placement } = await plan('db2', { labels: { app: 'db' } });
    const verdict = placement.verdicts.find(({ name }) => name === there);
    expect(verdict?.rejections).toMatchObject([
      { test: 'anti-affinity', message: 'anti-affinity: db1 keeps apart from it' },
    ]);
    expect((await plan('web', { labels: { app: 'web' } })).placement.verdicts).not.toContainEqual(
      expect.objectContaining({ rejections: [expect.anything()] }),
    );
  });

  test('does not reach into other projects', async () => {
    await create('db1', db);
    await cluster.call('createProject', { body: { name: 'other' } });
    const { body: answer } = await cluster.controller.call('createInstance', {
      token: cluster.adminToken,
      project: 'other',
      body: body('db1', db),
      query: { plan: true },
    });
    const { placement } = answer as { placement: PlacementDecision };
    expect(placement.verdicts.flatMap(({ rejections }) => rejections)).toEqual([]);
  });

  test('soft: spread as long as there are nodes, then together, and the score says so', async () => {
    const soft = { labels: { app: 'web' }, ...rules('soft-anti-affinity', 'app=web') };
    for (let i = 0; i < 5; i++) await create(`web${i}`, soft);
    const nodes = await Promise.all([0, 1, 2, 3, 4].map((i) => nodeOf(`web${i}`)));
    expect(new Set(nodes.slice(0, 4)).size).toBe(4);
    const { placement } = await plan('web5', soft);
    expect(placement.verdicts[0]?.score?.parts['affinity']).toBeGreaterThanOrEqual(16);
    const last = await standing('web4');
    expect(last[0]).toMatchObject({ satisfied: false, why: expect.stringMatching(/^web\d is there$/) });
  });
});

describe('affinity', () => {
  test('goes where the other is, though another node has more room', async () => {
    await create('front');
    for (let i = 0; i < 3; i++) await create(`near${i}`, rules('affinity', 'front'));
    expect(new Set(await Promise.all(['front', 'near0', 'near1', 'near2'].map(nodeOf))).size).toBe(1);
    expect(await standing('near0')).toMatchObject([{ satisfied: true, why: 'on the same node: front' }]);
  });

  test('the first of a label may go anywhere, an instance that is not there is refused', async () => {
    await create('first', { labels: { app: 'cell' }, ...rules('affinity', 'app=cell') });
    expect(await standing('first')).toMatchObject([{ satisfied: true, why: 'there is no such instance' }]);
    await expect(create('x', rules('affinity', 'nobody'))).rejects.toMatchObject({ code: 'not_found' });
    await create('y', rules('anti-affinity', 'nobody-yet'));
  });

  test('is refused where its node is full, saying why for each node', async () => {
    await create('front', { memoryMiB: 7000 });
    await expect(create('big', { memoryMiB: 2000, ...rules('affinity', 'front') })).rejects.toThrow(
      /1 memory.*3 affinity: front is elsewhere/,
    );
    await create('soft', { memoryMiB: 2000, ...rules('soft-affinity', 'front') });
    expect(await standing('soft')).toMatchObject([{ satisfied: false, why: 'front is elsewhere' }]);
  });

  test.each([
    [{ policy: 'affinity' }],
    [{ policy: 'affinity', instance: 'a', label: 'b=c' }],
    [{ policy: 'affinity', label: 'nothing' }],
    [{ policy: 'near', instance: 'a' }],
  ])('%j is refused', async (wrong) => {
    await expect(create('x', { affinity: [wrong] })).rejects.toMatchObject({
      code: expect.stringMatching(/^invalid_/),
    });
  });
});

describe('bounds', () => {
  const set = (route: 'setGroupPolicy' | 'setNode', ref: string, host: object) =>
    cluster.call(route, { params: { ref }, body: { host } });

  test('vCPUs by the group’s ratio, a node’s own word first', async () => {
    await set('setGroupPolicy', 'default', { vcpuRatio: 1 });
    await set('setNode', 'n3', { vcpuRatio: 2 });
    const { placement } = await plan('wide', { vcpus: 8 });
    expect(placement.chosen?.name).toBe('n3');
    expect(placement.verdicts.find(({ name }) => name === 'n1')?.rejections).toMatchObject([
      { test: 'vcpus', needed: 8, available: 4 },
    ]);
  });

  test('memory that the node keeps', async () => {
    await set('setGroupPolicy', 'default', { reservedMemoryMiB: 8192 });
    await set('setNode', 'n2', { reservedMemoryMiB: 0 });
    expect((await plan('a')).placement.chosen?.name).toBe('n2');
  });

  test('sizes', async () => {
    await set('setGroupPolicy', 'default', {
      sizes: [
        { of: 'memory', least: 512, most: 1024 },
        { of: 'disk', most: 10_240 },
      ],
    });
    await expect(create('small')).rejects.toThrow(/4 memory: at least 512 MiB are asked here, not 256/);
    await expect(create('large', { memoryMiB: 2048 })).rejects.toThrow(/at most 1024 MiB/);
    await expect(create('wide', { memoryMiB: 512, disks: [{ sizeMiB: 20_000 }] })).rejects.toThrow(
      /disk: at most 10240 MiB/,
    );
    await create('right', { memoryMiB: 512 });
  });

  test('labels that exclude each other go apart where possible', async () => {
    await cluster.call('setClusterPolicy', { body: { host: { exclusionLabels: ['service'] } } });
    for (let i = 0; i < 4; i++) await create(`dns${i}`, { labels: { service: 'dns' } });
    expect(new Set(await Promise.all([0, 1, 2, 3].map((i) => nodeOf(`dns${i}`)))).size).toBe(4);
    const { placement } = await plan('dns4', { labels: { service: 'dns' } });
    expect(placement.verdicts[0]?.score?.parts['pri_tags_score']).toBe(2);
  });
});
