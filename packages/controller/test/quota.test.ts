/** Quotas as users meet them. */
import type { Operation, Project } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  cluster.agent.facts = { memoryMiB: 2 ** 20, cpus: 4096, diskMiB: 2 ** 30 };
  await cluster.agent.hello();
  const spec = { mode: 'nat', bridge: 'gy1', subnet: { cidr: '10.1.0.0/16' } };
  await cluster.call('createNetwork', { body: { name: 'wide', spec } });
});
afterEach(() => cluster.close());

const body = { name: 'hello', flavor: 'small', image: 'debian/12', nics: [{ network: 'wide' }] };
const project = () => cluster.call<Project>('getProject', { params: { ref: 'default' } });
const limit = (quota: object) =>
  cluster.call<Project>('setProject', { params: { ref: 'default' }, body: { quota } });
const usage = async () => (await project()).status.usage;
const small = { instances: 1, vcpus: 1, memoryMiB: 512, diskMiB: 8192, addresses: 1 };

test('what a project has is counted, from the request until it is gone', async () => {
  await cluster.call('createInstance', { body });
  expect(await usage()).toEqual(small);
  await cluster.converge();
  expect(await usage()).toEqual(small);
  await cluster.call('deleteInstance', { params: { ref: 'hello' } });
  await cluster.converge();
  expect(Object.values((await usage()) ?? {})).toEqual([0, 0, 0, 0, 0]);
});

test('the refusal says what is used, what is needed and which quota would do', async () => {
  await limit({ vcpus: 2, memoryMiB: 1024 });
  await cluster.call('createInstance', { body });
  const more = { body: { ...body, name: 'second', vcpus: 2, memoryMiB: 1024 } };
  const refusal = {
    code: 'quota_exceeded',
    status: 409,
    exit: 6,
    message:
      'project default may not have so much: vcpus: 1 of 2 used, 2 needed; memory: 512 MiB of 1 GiB used, 1 GiB needed',
    hint: expect.stringContaining('gantry project set default --quota vcpus=3,memory=1536M'),
  };
  await expect(cluster.call('createInstance', more)).rejects.toMatchObject(refusal);
  await expect(cluster.call('createInstance', { ...more, query: { plan: true } })).rejects.toMatchObject(
    refusal,
  );
  await limit({ vcpus: 3, memoryMiB: 1536 });
  await cluster.call('createInstance', { ...more, query: { plan: true } });
  await cluster.call('createInstance', more);
  expect(await usage()).toMatchObject({ instances: 2, vcpus: 3, memoryMiB: 1536 });
});

test('a plan is refused for what would be refused', async () => {
  await cluster.call('createInstance', { body: { ...body, power: 'stopped' } });
  await cluster.converge();
  await limit({ memoryMiB: 1024 });
  const resize = { params: { ref: 'hello' }, body: { memoryMiB: 2048 } };
  for (const query of [{ plan: true }, {}])
    await expect(cluster.call('resizeInstance', { ...resize, query })).rejects.toMatchObject({
      code: 'quota_exceeded',
    });
});

test('a hundred at once get exactly what there is room for', async () => {
  await limit({ instances: 10, vcpus: 17, memoryMiB: 7 * 512, addresses: 50 });
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, number) =>
      cluster.call<Operation>('createInstance', { body: { ...body, name: `i${number}` } }),
    ),
  );
  const made = results.filter(({ status }) => status === 'fulfilled');
  expect(made).toHaveLength(7);
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'quota_exceeded' });
  expect(await usage()).toMatchObject({ instances: 7, memoryMiB: 7 * 512, addresses: 7 });
  expect((await cluster.store.list('instance')).items).toHaveLength(7);
  // what was refused left no claim behind
  await limit({ instances: null, vcpus: null, memoryMiB: null });
  await cluster.call('createInstance', { body: { ...body, name: 'i99' } });
});

test('a change of size is bounded too; what runs keeps counting until it has less', async () => {
  await limit({ memoryMiB: 1024 });
  await cluster.call('createInstance', { body });
  await cluster.converge();
  const set = (change: object, query = {}) =>
    cluster.call('setInstance', { params: { ref: 'hello' }, body: change, query });
  await expect(set({ memoryMiB: 1025 })).rejects.toMatchObject({ code: 'quota_exceeded' });
  await expect(set({ memoryMiB: 1025 }, { plan: true })).rejects.toMatchObject({ code: 'quota_exceeded' });
  await set({ memoryMiB: 1024 });
  await set({ memoryMiB: 256 });
  expect(await usage()).toMatchObject({ memoryMiB: 512 });
  // the guest that is up has 512 still: a trick with a smaller setting gives no more
  await expect(
    cluster.call('createInstance', { body: { ...body, name: 'second', memoryMiB: 768 } }),
  ).rejects.toMatchObject({ code: 'quota_exceeded' });
  for (const route of ['stopInstance', 'startInstance'] as const) {
    await cluster.call(route, { params: { ref: 'hello' }, body: {} });
    await cluster.converge();
  }
  expect(await usage()).toMatchObject({ memoryMiB: 256 });
  await cluster.call('createInstance', { body: { ...body, name: 'second', memoryMiB: 768 } });
});

test('each project has its own; a limit below what there is refuses only more', async () => {
  await cluster.call('createProject', { body: { name: 'blue', quota: { instances: 0 } } });
  await expect(cluster.call('createInstance', { body, project: 'blue' })).rejects.toMatchObject({
    code: 'quota_exceeded',
    params: { project: 'blue' },
  });
  await cluster.call('createInstance', { body });
  await limit({ instances: 0 });
  await cluster.converge();
  await cluster.call('stopInstance', { params: { ref: 'hello' }, body: {} });
  await cluster.converge();
  await cluster.call('startInstance', { params: { ref: 'hello' }, body: {} });
  await cluster.converge();
  expect((await cluster.instance('hello')).status.state).toBe('running');
});

test.each([
  [{ instances: -1 }],
  [{ instances: 1.5 }],
  [{ instances: '10' }],
  [{ vcpus: Number.MAX_SAFE_INTEGER }],
  [{ gpus: 1 }],
  [[]],
])('a quota of %j is refused', async (quota) => {
  await expect(limit(quota)).rejects.toMatchObject({
    code: expect.stringMatching(/invalid_body|unknown_field/),
  });
});
