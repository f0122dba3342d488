/** A resize that its node has no room for names the node that has, and the two steps do it; attached disks go along. */
import type { Instance, Operation, Replica } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let second: FakeAgent;
const params = { ref: 'web' };
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

async function rounds(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    await settle();
    await cluster.agent.round();
    await second?.round();
    await settle();
  }
}
async function create(memoryMiB: number): Promise<void> {
  second = await addNode(cluster, 'n2', { facts: { memoryMiB } });
  const body = { name: 'web', flavor: 'small', image: 'debian/12', node: 'n1' };
  await cluster.call('createInstance', { body });
  await rounds();
}
const web = () => cluster.call<Instance>('getInstance', { params });
const resize = (memoryMiB: number) =>
  cluster.call<Operation>('resizeInstance', { params, body: { memoryMiB } });
const refusal = async (memoryMiB: number) =>
  (await resize(memoryMiB).catch((error: unknown) => error)) as { code: string; hint: string };
const done = async ({ spec }: Operation) => {
  await rounds();
  return (await cluster.operation(spec.number)).status.state;
};
const LARGE = 2 ** 17;

test('the hint’s two steps do it', async () => {
  await create(2 * LARGE);
  const { code, hint } = await refusal(LARGE);
  expect([code, hint]).toEqual([
    'cannot_grow',
    expect.stringContaining('`gantry instance move web --to n2 --stop` first, then resize it there'),
  ]);
  const moved = await cluster.call<Operation>('moveInstance', { params, body: { node: 'n2', stop: true } });
  expect(await done(moved)).toBe('succeeded');
  expect(await done(await resize(LARGE))).toBe('succeeded');
  expect((await web()).spec.memoryMiB).toBe(LARGE);
});

test('none has room: no other node is named', async () => {
  await create(4096);
  const { code, hint } = await refusal(LARGE);
  expect([code, hint]).toEqual(['cannot_grow', expect.not.stringContaining('n2')]);
});

test('nor where it cannot move', async () => {
  await create(2 * LARGE);
  cluster.agent.capabilities = ['guest:live-size'];
  await cluster.agent.hello();
  expect((await refusal(LARGE)).hint).not.toContain('n2');
});

test('a disk of its own that is attached moves with it, and stays its own', async () => {
  await create(4096);
  await cluster.call('stopInstance', { params, body: { force: true } });
  await rounds();
  await cluster.call('createDisk', { body: { name: 'data', sizeMiB: 64 } });
  await cluster.call('attachDisk', { params, body: { disk: 'data' } });
  await rounds();
  const moved = await cluster.call<Operation>('moveInstance', { params, body: {} });
  expect(await done(moved)).toBe('succeeded');
  const { status, spec } = await web();
  expect([status.state, spec.disks.length]).toEqual(['stopped', 2]);
  const replicas = (await cluster.store.list('replica')).items as Replica[];
  const at = replicas.flatMap(({ spec: of }) => (of.what === 'disk' ? [of.node] : []));
  expect(at).toEqual([status.node, status.node]);
  await cluster.call('detachDisk', { params: { ref: 'web', disk: 'data' } });
  await rounds();
  await cluster.call('deleteInstance', { params });
  await rounds();
  const { items } = await cluster.call<{ items: { name: string }[] }>('listDisks');
  expect(items.map(({ name }) => name)).toEqual(['data']);
});
