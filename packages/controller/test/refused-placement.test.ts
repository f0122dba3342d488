/** A create that finds no place leaves why, under the id of its request, for those who may see it. */
import type { GantryError, PlacementDecision } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { addNode } from '../src/testing/more-nodes.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const body = {
  name: 'big',
  image: 'debian/12',
  vcpus: 1,
  memoryMiB: 32_768,
  nics: [],
  disks: [{ sizeMiB: 1024 }],
};
const refused = (requestId: string, query = {}, token = cluster.adminToken) =>
  cluster.controller
    .call('createInstance', { token, body, query, requestId })
    .then(() => undefined)
    .catch((error: unknown) => error);
const placementOf = (ref: string, request = {}) =>
  cluster.call<PlacementDecision>('getPlacement', { params: { ref }, ...request });

test('it says in one breath what was asked, what stands against it, and what would work', async () => {
  await addNode(cluster, 'n2', { facts: { memoryMiB: 16_384 } });
  await addNode(cluster, 'n3');
  await cluster.call('setNode', { params: { ref: 'n3' }, body: { role: 'drained' } });
  const error = (await refused('req_a')) as GantryError;
  expect(error.code).toBe('no_capacity');
  expect(error.message.split('\n')).toEqual([
    'no node can take big (1 vCPU, memory 32 GiB, disk 1 GiB)',
    '3 nodes looked at:  2 memory (best n2: 15.5 GiB free, short by 16.7)   1 drained',
  ]);
  expect(error.hint).toBe('ways out: --memory 15680M');
});

test('and the whole of it can be read for a day, also of a plan', async () => {
  await refused('req_a');
  await refused('req_b', { plan: true });
  const decision = await placementOf('req_a');
  expect(decision).toMatchObject({
    lookedAt: 1,
    verdicts: [
      { name: 'n1', rejections: [{ test: 'memory', needed: 33_016, available: 7680, unit: 'MiB' }] },
    ],
    refused: { name: 'big', tried: [{ way: '--memory 7488M', works: true }] },
  });
  expect(decision.chosen).toBeUndefined();
  expect((await placementOf('req_b')).refused?.name).toBe('big');
  await expect(placementOf('req_c')).rejects.toMatchObject({ code: 'not_found' });
  await cluster.env.pass(25 * 3_600_000);
  await expect(placementOf('req_a')).rejects.toMatchObject({ code: 'not_found' });
});

test('other projects do not see it', async () => {
  const tokenOf = async (project: string) => {
    await cluster.call('createProject', { body: { name: project } });
    const spec = { role: 'operator', project };
    return (await cluster.call<{ secret: string }>('createToken', { body: { name: project, spec } })).secret;
  };
  const [mine, other] = [await tokenOf('mine'), await tokenOf('other')];
  expect(await refused('req_a', {}, mine)).toMatchObject({ code: 'no_capacity' });
  expect((await placementOf('req_a', { token: mine })).lookedAt).toBe(1);
  await expect(placementOf('req_a', { token: other })).rejects.toMatchObject({ code: 'not_found' });
});
