/** CPUs, pages and devices of nodes, as guests claim them. */
import type { Assignments, Node, Operation, PlacementDecision, Plan } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Controller } from '../src/controller.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { fakeHardware } from '../src/testing/fake-hardware.ts';

const hardware = fakeHardware();

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  const status = cluster.agent.nodeStatus();
  if (!status.facts) throw new Error('the fake agent has facts');
  await cluster.agent.report({
    node: { ...status, facts: { ...status.facts, cpus: 8, memoryMiB: 65536, hardware } },
  });
});
afterEach(() => cluster.close());

async function flavor(name: string, vcpus: number, extraSpecs: Record<string, string>, memoryMiB = 256) {
  const body = { name, spec: { vcpus, memoryMiB, diskMiB: 1024, extraSpecs } };
  await cluster.call('createFlavor', { body });
}
const body = (name: string, of: string) => ({
  name,
  flavor: of,
  image: 'debian/12',
  nics: [{ network: 'default', address: 'none' }],
});
const create = (name: string, of: string, query = {}) =>
  cluster.call<Operation & Plan>('createInstance', { body: body(name, of), query });
const set = (host: object) => cluster.call<Node>('setNode', { params: { ref: 'n1' }, body: { host } });

async function guests(): Promise<Assignments['guests']> {
  return (await cluster.agent.assignments()).guests;
}
const cpusOf = (all: Assignments['guests']) =>
  all.flatMap(({ spec }) => (spec.fit.cells ?? []).flatMap(({ pins }) => pins.map(({ cpu }) => cpu)));

const pinned = { 'hw:cpu_policy': 'dedicated' };

test('the binding carries cells, pages and CPUs, and a plan says them', async () => {
  await flavor('numa', 4, { ...pinned, 'hw:numa_nodes': '2', 'hw:mem_page_size': '2MB' });
  const plan = await create('a', 'numa', { plan: true });
  expect(plan.plan).toContainEqual(
    'NUMA cell 0: 128 MiB in pages of 2048 KiB on cell 0 of the node, vCPU 0 on 0, 1 on 1',
  );
  await create('a', 'numa');
  const [guest] = await guests();
  expect(guest?.spec.fit.cells).toMatchObject([
    { hostCell: 0, vcpus: [0, 1], memoryMiB: 128, pageKiB: 2048, claimedCpus: [0, 1] },
    { hostCell: 1, vcpus: [2, 3], memoryMiB: 128, pageKiB: 2048, claimedCpus: [4, 5] },
  ]);
});

describe('no CPU is two guests’', () => {
  test('however many come at once, on two controllers', async () => {
    await flavor('pin', 1, pinned, 64);
    const { store, env, images, adminToken: token } = cluster;
    const other = new Controller({ store, env, images });
    const ask = (controller: Controller, index: number) =>
      controller.call('createInstance', { token, body: body(`g${index}`, 'pin') });
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => ask(index % 2 ? other : cluster.controller, index)),
    );
    const failed = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
    expect(failed).toEqual(['no_capacity', 'no_capacity']);
    expect(cpusOf(await guests()).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('a guest that is stopped keeps its own, one that is deleted gives them back', async () => {
    await flavor('half', 4, pinned);
    await create('a', 'half');
    await create('b', 'half');
    await cluster.converge();
    const before = (await guests()).map(({ spec }) => spec.fit);
    await cluster.call('stopInstance', { params: { ref: 'a' }, body: {} });
    await cluster.converge();
    await expect(create('c', 'half')).rejects.toMatchObject({ code: 'no_capacity' });
    await cluster.call('startInstance', { params: { ref: 'a' }, body: {} });
    await cluster.converge();
    expect((await guests()).map(({ spec }) => spec.fit)).toEqual(before);
    await cluster.call('deleteInstance', { params: { ref: 'a' } });
    await cluster.converge();
    await create('c', 'half');
    expect(cpusOf(await guests()).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

test('pages are counted per cell, stopped guests too', async () => {
  await flavor('pages', 1, { 'hw:mem_page_size': '2MB' }, 768);
  await create('a', 'pages');
  await create('b', 'pages');
  await expect(create('c', 'pages')).rejects.toMatchObject({
    code: 'no_capacity',
    message: expect.stringContaining('1 huge-pages (best n1: 128 pages free, short by 256)'),
  });
  expect((await guests()).map(({ spec }) => spec.fit.cells?.[0]?.hostCell).toSorted()).toEqual([0, 1]);
});

test('a device that an operator allows goes to one guest', async () => {
  await flavor('gpu', 1, { 'pci_passthrough:alias': 'gpu:1' });
  await expect(create('a', 'gpu')).rejects.toThrow('1 pci (best n1: 0 gpu free, short by 1)');
  await set({ pciDevices: [{ alias: 'gpu', id: '10de:2330' }] });
  await create('a', 'gpu');
  expect((await guests())[0]?.spec.fit.pciDevices).toEqual(['0000:81:00.0']);
  await expect(create('b', 'gpu')).rejects.toMatchObject({ code: 'no_capacity' });
});

describe('settings of nodes as hosts', () => {
  test('are inherited one by one, and said to those that share CPUs', async () => {
    await flavor('plain', 1, {});
    await flavor('pin', 1, pinned);
    await cluster.call('setClusterPolicy', { body: { host: { sharedCpus: '0-3', traits: ['CUSTOM_A'] } } });
    await expect(create('a', 'pin')).rejects.toThrow('dedicated');
    await cluster.call('setGroupPolicy', {
      params: { ref: 'default' },
      body: { host: { dedicatedCpus: '6-99' } },
    });
    await create('a', 'pin');
    await create('b', 'plain');
    const fits = (await guests()).map(({ spec }) => spec.fit);
    expect(cpusOf(await guests())).toEqual([6]);
    expect(fits.map(({ sharedCpus }) => sharedCpus)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
    const { spec } = await set({ sharedCpus: '1' });
    expect(spec.host).toEqual({ sharedCpus: '1' });
    expect((await set({ sharedCpus: null })).spec.host).toEqual({});
  });

  test.each([
    [{ sharedCpus: 'all' }, 'invalid_body'],
    [{ sharedCpus: '5-3' }, 'invalid_argument'],
    [{ sharedCpus: '0-9999999' }, 'invalid_argument'],
    [{ sharedCpus: '0,^0' }, 'invalid_argument'],
    [{ sharedCpus: '0-8' }, 'invalid_argument'],
    [{ sharedCpus: '0-3', dedicatedCpus: '3-7' }, 'invalid_argument'],
    [{ traits: ['HW_CPU_X86_AVX'] }, 'invalid_body'],
    [{ resources: { VCPU: 5 } }, 'unknown_field'],
    [{ resources: { __proto__: null, CUSTOM_X: -1 } }, 'invalid_body'],
    [{ pciDevices: [{ alias: 'gpu' }] }, 'invalid_argument'],
    [{ pciDevices: [{ alias: 'gpu', address: '81:00.0' }] }, 'invalid_body'],
    [{ sharedCpu: '0' }, 'unknown_field'],
  ])('%j is refused: %s', async (host, code) => {
    await expect(set(host)).rejects.toMatchObject({ code });
  });
});

test('what the node cannot is a reason of placement, also for an instance that is started again', async () => {
  await flavor('vif', 1, { 'quota:vif_inbound_average': '100' });
  const refused = create('a', 'vif', { plan: true });
  await expect(refused).rejects.toMatchObject({
    code: 'no_capacity',
    message: expect.stringContaining('the kernel has no sfq for traffic'),
  });
  await flavor('quota', 1, { 'quota:cpu_shares': '100' });
  const { spec } = await create('b', 'quota');
  await cluster.converge();
  const decision = await cluster.call<PlacementDecision>('getPlacement', {
    params: { ref: String(spec.number) },
  });
  expect(decision.verdicts).toMatchObject([{ rejections: [] }]);
  await cluster.call('stopInstance', { params: { ref: 'b' }, body: {} });
  await cluster.converge();
  const status = cluster.agent.nodeStatus();
  const abilities = { ...hardware.abilities, cpuTime: { usable: false, reason: 'no cgroups' } };
  const facts = status.facts && { ...status.facts, hardware: { ...hardware, abilities } };
  await cluster.agent.report({ node: { ...status, ...(facts ? { facts } : {}) } });
  await expect(cluster.call('startInstance', { params: { ref: 'b' }, body: {} })).rejects.toMatchObject({
    code: 'guest_refused',
    message: expect.stringContaining('no cgroups'),
  });
});
