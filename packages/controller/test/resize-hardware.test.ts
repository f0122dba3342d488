/** Guests with CPUs, pages and devices of their own get another size: chosen anew beside what they have, held until that is decided. */
import { err, type Guest, type InstanceChanged, type Operation, type Plan, toProblem } from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fitsOf } from '../src/operations/held-hardware.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { fakeHardware } from '../src/testing/fake-hardware.ts';

const pinned = { 'hw:cpu_policy': 'dedicated' };
/** Name -> vCPUs, memory in MiB, extra specs. Two cells of four CPUs and 512 pages of 2 MiB, one PCI device. */
const flavors: Record<string, [number, number, Record<string, string>]> = {
  shared: [2, 256, {}],
  pin2: [2, 256, pinned],
  pin4: [4, 256, pinned],
  pin6: [6, 256, { ...pinned, 'hw:numa_nodes': '2' }],
  cells: [2, 512, { 'hw:numa_nodes': '2' }],
  huge: [1, 512, { 'hw:mem_page_size': '2MB' }],
  huger: [1, 1024, { 'hw:mem_page_size': '2MB' }],
  device: [1, 256, { 'pci_passthrough:alias': 'gpu:1' }],
  licence: [1, 256, { 'resources:CUSTOM_LICENCE': '2' }],
};

let cluster: TestCluster;
async function begin(): Promise<void> {
  cluster = await testCluster();
  cluster.agent.capabilities = ['disk:send', 'guest:live-size', 'guest:cds'];
  cluster.agent.alter = (report) =>
    report.kind === 'guest' && report.status.state === 'running'
      ? { ...report, status: { ...report.status, ...sizes.get(report.id) } }
      : report;
  const status = cluster.agent.nodeStatus();
  if (!status.facts) throw new Error('the fake agent has facts');
  const facts = { ...status.facts, cpus: 8, memoryMiB: 65536, hardware: fakeHardware() };
  await cluster.agent.report({ node: { ...status, facts } });
  const host = { pciDevices: [{ alias: 'gpu', id: '10de:2330' }], resources: { CUSTOM_LICENCE: 3 } };
  await cluster.call('setNode', { params: { ref: 'n1' }, body: { host } });
  for (const [name, [vcpus, memoryMiB, extraSpecs]] of Object.entries(flavors))
    await cluster.call('createFlavor', {
      body: { name, spec: { vcpus, memoryMiB, diskMiB: 64, extraSpecs } },
    });
}
beforeEach(begin);
afterEach(() => cluster.close());

/** Guests follow: what their bindings grant they have. */
const sizes = new Map<string, object>();
async function settle(): Promise<void> {
  await cluster.converge();
  for (const { id, spec } of (await cluster.store.list('guest')).items)
    sizes.set(id, { size: { vcpus: spec.input.vcpus, memoryMiB: spec.input.memoryMiB } });
  await cluster.converge();
}
const create = async (name: string, flavor: string, more: object = {}) => {
  const nics = [{ network: 'default', address: 'none' }];
  await cluster.call('createInstance', { body: { name, flavor, image: 'debian/12', nics, ...more } });
  await settle();
};
const guest = (ref = 'web') => cluster.call<Guest>('getInstanceGuest', { params: { ref } });
const act = async (route: string, body: object = {}, ref = 'web') => {
  const answer = await cluster.call<Operation>(route as 'resizeInstance', { params: { ref }, body });
  await settle();
  return answer;
};
const resize = (flavor: string, more: object = {}) => act('resizeInstance', { flavor, ...more });
const revert = () => act('revertInstanceResize');
const confirm = () => cluster.call('confirmInstanceResize', { params: { ref: 'web' } });
const ended = async ({ spec }: Operation) => (await cluster.operation(spec.number)).status;

/** CPUs and devices that are claimed for it. */
async function claims(ref = 'web'): Promise<string[]> {
  const { instance, node } = (await guest(ref)).spec;
  const found = await Promise.all(['cpu', 'pci'].map((kind) => cluster.store.claims(`${kind}:${node}`)));
  return found
    .flat()
    .flatMap(({ owner, value }) => (owner === instance ? [value] : []))
    .toSorted();
}
const heldFor = async () => (await guest()).spec.reserved?.hardware?.map(({ purpose }) => purpose) ?? [];

test('from pinned CPUs to shared ones and back to the same', async () => {
  await create('web', 'pin2');
  const { fit } = (await guest()).spec;
  await resize('shared');
  expect((await guest()).spec).toMatchObject({ power: 'running', fit: { node: fit.node } });
  expect((await guest()).spec.fit.cells).toBeUndefined();
  expect([await claims(), await heldFor()]).toEqual([['0', '1'], ['way-back']]);
  await create('db', 'pin4');
  await create('last', 'pin2');
  await expect(create('more', 'pin2')).rejects.toMatchObject({ code: 'no_capacity' });
  await revert();
  expect((await guest()).spec).toMatchObject({ power: 'running', fit });
  expect([await claims(), await heldFor()]).toEqual([['0', '1'], []]);
});

test('confirmed, what it had is free', async () => {
  await create('web', 'pin4');
  await resize('pin2');
  expect([await claims(), await heldFor()]).toEqual([['0', '1', '2', '3'], ['way-back']]);
  await confirm();
  expect([await claims(), await heldFor()]).toEqual([['0', '1'], []]);
  expect((await guest()).spec.reserved).toBeUndefined();
});

test('what it has counts as free for what it is to have', async () => {
  await create('web', 'pin4');
  await create('db', 'pin2', { vcpus: 1 });
  // three of them are its own
  const plan = await cluster.call<Plan>('resizeInstance', {
    params: { ref: 'web' },
    query: { plan: true },
    body: { flavor: 'pin6' },
  });
  expect(plan.plan.join('\n')).toMatch(/NUMA cell 0: 128 MiB on cell \d of the node, vCPU 0 on \d/);
  await resize('pin6');
  expect(await claims()).toEqual(['0', '1', '2', '3', '5', '6', '7']);
  await expect(resize('pin4')).rejects.toMatchObject({ code: 'resize_pending' });
});

test('of pages the larger amount is held, not the sum', async () => {
  await create('web', 'huge');
  await resize('huger');
  await create('db', 'huge');
  await create('last', 'huge');
  await expect(create('more', 'huge')).rejects.toMatchObject({ code: 'no_capacity' });
  await revert();
  await create('more', 'huge');
});

test('a device and an amount of one’s own stay held', async () => {
  await create('web', 'device');
  await resize('licence');
  expect(await claims()).toEqual(['0000:81:00.0']);
  await expect(create('db', 'device')).rejects.toMatchObject({ code: 'no_capacity' });
  await expect(create('db', 'licence')).rejects.toMatchObject({ code: 'no_capacity' });
  await confirm();
  await create('db', 'device');
  await resize('shared');
  await expect(create('more', 'licence')).rejects.toMatchObject({ code: 'no_capacity' });
  await confirm();
  await create('more', 'licence');
});

test('without a way back nothing is held once it runs', async () => {
  await create('web', 'pin4');
  const operation = await resize('pin2', { noRevert: true });
  expect(await ended(operation)).toMatchObject({ state: 'succeeded' });
  expect([await claims(), await heldFor()]).toEqual([['0', '1'], []]);
  await expect(revert()).rejects.toMatchObject({ code: 'no_resize' });
});

describe.each(['resize', 'take back'])('%s that fails', (what) => {
  const problem = toProblem(err('qemu_refused', { message: 'no' }));

  test('leaves it on the CPUs that it had, and claims no others', async () => {
    await create('web', 'pin2');
    if (what === 'take back') await resize('pin4');
    const before = (await guest()).spec;
    const held = await claims();
    const wanted = (await guest()).generation + 2;
    const { alter } = cluster.agent;
    cluster.agent.alter = (report) =>
      report.kind === 'guest' && report.generation === wanted
        ? { ...report, status: { state: 'stopped', error: problem } }
        : alter(report);
    const operation = await (what === 'resize' ? resize('pin4') : revert());
    expect(await ended(operation)).toMatchObject({ state: 'failed', error: { code: 'qemu_refused' } });
    const after = (await guest()).spec;
    expect([after.power, after.fit, after.reserved]).toEqual(['running', before.fit, before.reserved]);
    expect(await claims()).toEqual(held);
  });

  test('is cancelled before it stopped, or while it is down: as before', async () => {
    await create('web', 'pin2');
    if (what === 'take back') await resize('pin4');
    for (const down of [false, true]) {
      if (down) await act('stopInstance', { force: true });
      const before = (await guest()).spec;
      const held = await claims();
      const route = what === 'resize' ? 'resizeInstance' : 'revertInstanceResize';
      const body = what === 'resize' ? { flavor: 'pin4' } : {};
      const begun = await cluster.call<Operation>(route, { params: { ref: 'web' }, body });
      await cluster.call('cancelOperation', { params: { ref: String(begun.spec.number) } });
      await settle();
      expect(await ended(begun)).toMatchObject({ state: 'cancelled' });
      const after = (await guest()).spec;
      expect([after.power, after.fit, after.reserved]).toEqual([before.power, before.fit, before.reserved]);
      expect([after.input.vcpus, await claims()]).toEqual([before.input.vcpus, held]);
    }
  });
});

describe('set while it runs', () => {
  const set = (body: object) =>
    cluster.call<InstanceChanged>('setInstance', { params: { ref: 'web' }, body });

  test('waits for the next start, which finds its CPUs', async () => {
    await create('web', 'pin2');
    const { fit } = (await guest()).spec;
    const { changes } = await set({ flavor: 'pin4' });
    expect(changes.map(({ setting, applies }) => [setting, applies])).toEqual([
      ['flavor', 'next-start'],
      ['vcpus', 'next-start'],
    ]);
    expect((await guest()).spec).toMatchObject({ fit, input: { vcpus: 2 } });
    expect([await claims(), await heldFor()]).toEqual([['0', '1', '2', '3'], ['next-start']]);
    await act('stopInstance', { force: true });
    await act('startInstance');
    expect((await guest()).spec.fit.cells?.flatMap(({ pins }) => pins)).toHaveLength(4);
    expect(await heldFor()).toEqual([]);
    await set({ flavor: 'pin2' });
    expect(await claims()).toHaveLength(4);
    await set({ flavor: 'pin4' });
    expect([await claims(), await heldFor()]).toEqual([['0', '1', '2', '3'], []]);
  });

  test('a resize on top goes back to what was set', async () => {
    await create('web', 'shared');
    await set({ flavor: 'pin2' });
    const next = (await guest()).spec.reserved?.hardware?.[0]?.fit;
    await resize('pin6');
    await revert();
    expect((await guest()).spec.fit).toEqual(next);
    expect(await heldFor()).toEqual([]);
  });

  test('memory of cells', async () => {
    await create('web', 'cells');
    const { changes } = await set({ memoryMiB: 1024 });
    expect(changes).toMatchObject([{ setting: 'memory', applies: 'next-start', why: /NUMA cells/ }]);
    await act('stopInstance', { force: true });
    await act('startInstance');
    expect((await guest()).spec.fit.cells?.map(({ memoryMiB }) => memoryMiB)).toEqual([512, 512]);
  });
});

test('what else is done with it meanwhile keeps what is held', async () => {
  await create('web', 'pin2');
  await resize('pin4');
  await act('rescueInstance', {});
  expect([await claims(), await heldFor()]).toEqual([['0', '1', '2', '3'], ['way-back']]);
  await act('unrescueInstance', {});
  await act('reinstallInstance', { stop: true });
  await act('stopInstance', { force: true });
  const to = { params: { ref: 'web' }, body: { name: 'web2' } };
  await cluster.call('renameInstance', to);
  await cluster.call('renameInstance', { params: { ref: 'web2' }, body: { name: 'web' } });
  await act('startInstance');
  expect([await claims(), await heldFor()]).toEqual([['0', '1', '2', '3'], ['way-back']]);
  await expect(act('moveInstance', { stop: true })).rejects.toMatchObject({ code: 'resize_pending' });
  await revert();
  expect(await claims()).toEqual(['0', '1']);
});

describe('whatever is done in whatever order', () => {
  const name = fc.constantFrom(...Object.keys(flavors));
  const step = fc.oneof(
    fc.record({ route: fc.constant('setInstance'), flavor: name }),
    fc.record({ route: fc.constant('resizeInstance'), flavor: name, noRevert: fc.boolean() }),
    fc.record({
      route: fc.constantFrom(
        ...['revertInstanceResize', 'confirmInstanceResize', 'stopInstance', 'startInstance'],
        ...['rescueInstance', 'unrescueInstance', 'suspendInstance'],
      ),
    }),
  );

  test('claims are those of the bindings, and no CPU is two guests’', { timeout: 900_000 }, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('web', 'db'), step), { maxLength: 14 }),
        async (steps) => {
          await cluster.close();
          await begin();
          await create('web', 'pin2');
          await create('db', 'cells');
          for (const [ref, { route, ...body }] of steps) {
            const wasResized = (await cluster.instance(ref)).spec.resize;
            const back = (await guest(ref)).spec.reserved?.hardware?.find(
              ({ purpose }) => purpose === 'way-back',
            );
            const done = await act(route, body, ref).then(() => true, refused);
            for (const each of ['web', 'db']) await consistent(each);
            if (done && route === 'revertInstanceResize' && wasResized && back)
              expect((await guest(ref)).spec.fit).toEqual(back.fit);
          }
          await quiet();
        },
      ),
      { numRuns: 40 },
    ),
  );

  const refused = (error: { code?: string }): false => {
    if (error.code === undefined || error.code === 'internal') throw error;
    return false;
  };

  async function consistent(ref: string): Promise<void> {
    const { spec } = await guest(ref);
    const instance = await cluster.instance(ref);
    const { input, fit, reserved } = spec;
    const own = fitsOf(spec).flatMap(({ cells = [], pciDevices = [] }) => [
      ...cells.flatMap(({ claimedCpus }) => claimedCpus.map(String)),
      ...pciDevices,
    ]);
    expect(await claims(ref)).toEqual([...new Set(own)].toSorted());
    // the fit is that of what it is granted
    const asks = input.extraSpecs;
    const pins = fit.cells?.flatMap((cell) => cell.pins) ?? [];
    expect(pins).toHaveLength(asks['hw:cpu_policy'] ? input.vcpus : 0);
    expect(fit.pciDevices ?? []).toHaveLength(asks['pci_passthrough:alias'] ? 1 : 0);
    if (fit.cells) expect(fit.cells.flatMap(({ vcpus }) => vcpus)).toHaveLength(input.vcpus);
    const purposes = reserved?.hardware?.map(({ purpose }) => purpose) ?? [];
    if (purposes.includes('way-back')) expect(instance.spec.resize, 'a way back').toBeDefined();
    const next = instance.spec.extraSpecs ?? {};
    if (!purposes.includes('next-start')) expect(pins.length > 0).toBe(Boolean(next['hw:cpu_policy']));
  }

  /** Once all is decided and started anew, nothing is held beside what is used. */
  async function quiet(): Promise<void> {
    for (const ref of ['web', 'db'])
      for (const [route, body] of [
        ['unrescueInstance', {}],
        ['confirmInstanceResize', {}],
        ['stopInstance', { force: true }],
        ['startInstance', { discardSaved: true }],
      ] as const)
        await act(route, body, ref).catch(refused);
    for (const ref of ['web', 'db']) {
      const { spec } = await guest(ref);
      const { vcpus, memoryMiB } = (await cluster.instance(ref)).spec;
      expect([spec.power, spec.reserved, spec.input.vcpus, spec.input.memoryMiB]).toEqual([
        'running',
        undefined,
        vcpus,
        memoryMiB,
      ]);
      await consistent(ref);
    }
  }
});

describe('a reboot from elsewhere with other CPUs for its next start', () => {
  const reboot = () =>
    cluster.call<Operation>('rebootInstance', { params: { ref: 'web' }, body: { bootOnce: ['disk'] } });
  beforeEach(async () => {
    await create('web', 'pin4');
    await cluster.call('setInstance', { params: { ref: 'web' }, body: { flavor: 'pin2' } });
    await settle();
  });

  test('those that its QEMU runs on are its own until it is down', async () => {
    const operation = await reboot();
    expect(await claims()).toEqual(['0', '1', '2', '3']);
    await settle();
    expect((await guest()).spec.bootOnce?.operation).toBe(operation.id);
    expect(await claims()).toEqual(['0', '1']);
  });

  test('called off while it is still up, nothing of it has changed', async () => {
    const { spec } = await guest();
    const operation = await reboot();
    await cluster.call('cancelOperation', { params: { ref: operation.name } });
    await settle();
    expect((await ended(operation)).state).toBe('cancelled');
    const { input, fit, reserved, power, bootOnce } = spec;
    expect((await guest()).spec).toMatchObject({ input, fit, reserved, power });
    expect([bootOnce, await claims()]).toEqual([undefined, ['0', '1', '2', '3']]);
  });
});
