/**
 * What a binding says about cells, pages and CPUs, as libvirt and QEMU make it: two cells of a guest with vCPUs pinned,
 * shared and QEMU's own. Placement would want a cell of the node for each; this machine may have only one, so both lie on it.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { descend, elements, parseXml } from '@gantry/guest';
import type { FitCell, GuestSpec, NodeHardware } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGuests, type Guests } from '../../packages/agent/src/guests/guests.ts';
import { nodeHardware } from '../../packages/agent/src/host/hardware/hardware.ts';
import { guestOf, ids } from '../../packages/agent/src/testing/assignments.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { writeTinyGuest } from '../lab/tiny-guest.ts';

let dir: string;
let libvirtd: PrivateLibvirtd;
let guests: Guests;
let hardware: NodeHardware | undefined;
const quiet = () => {};
const forever = new AbortController().signal;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gc-'));
  await chmod(dir, 0o711);
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  const state = join(dir, 'state');
  await mkdir(state, { mode: 0o711 });
  const disk = join(dir, 'tiny.img');
  await writeTinyGuest(disk);
  guests = createGuests({
    taps: async () => [],
    stateDir: state,
    socket: libvirtd.socketPath,
    clock: { now: Date.now, bootMs: Date.now, sleep: (ms) => sleep(ms) },
    log: quiet,
    membership: () => ({ cluster: ids.cluster, node: 'node1' }),
    hardware: async () => hardware,
    accelerator: async () => 'tcg',
    disks: async () => [{ disk: ids.disk, state: 'ready', template: 'file-raw', path: disk }],
    bases: async () => [],
    bootFiles: { prepare: async () => ({}), foresee: () => ({}) },
  });
  hardware = await nodeHardware(await guests.hypervisor());
});
afterAll(async () => {
  await guests.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

const cell = (vcpus: number[], pins: FitCell['pins'], more: Partial<FitCell> = {}): FitCell => ({
  hostCell: 0,
  vcpus,
  memoryMiB: 32,
  smallestPageKiB: 4,
  sharedCpus: [0, 1],
  pins,
  claimedCpus: pins.map(({ cpu }) => cpu),
  ...more,
});

function specOf(extraSpecs: Record<string, string>, cells: FitCell[]): GuestSpec {
  const { spec } = guestOf();
  return {
    ...spec,
    input: {
      ...spec.input,
      name: 'cells',
      vcpus: cells.flatMap(({ vcpus }) => vcpus).length,
      memoryMiB: 32 * cells.length,
      extraSpecs,
      boot: { kernel: 'disk' },
      nics: [],
      disks: [{ id: ids.disk, template: 'file-raw', sizeBytes: 2 ** 20 }],
    },
    fit: { ...spec.fit, cells },
  };
}

const virsh = async (...args: string[]) => (await libvirtd.exec(['virsh', '-q', ...args])).stdout;

test('the node’s cells are those of the kernel, and libvirt’s', () => {
  expect(hardware?.cells.flatMap(({ cores }) => cores.flat()).length).toBeGreaterThan(0);
  expect(hardware?.cells[0]?.pages[0]).toMatchObject({ sizeKiB: 4 });
  expect(hardware?.cpuModels).toContain('qemu64');
  expect(hardware?.diskBuses).toContain('virtio');
});

test('two cells, one vCPU pinned in each, the others shared', async () => {
  const specs = { 'hw:numa_nodes': '2', 'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '0,2' };
  const cells = [cell([0, 1], [{ vcpu: 0, cpu: 0 }]), cell([2, 3], [{ vcpu: 2, cpu: 1 }])];
  const spec = specOf(specs, cells);
  await guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, forever);
  const domain = spec.instance;
  try {
    expect(
      (await virsh('vcpupin', domain)).split('\n').map((line) => line.trim().split(/\s+/)),
    ).toMatchObject([['0', '0'], ['1', '0-1'], ['2', '1'], ['3', '0-1'], ['']]);
    const root = parseXml(await virsh('dumpxml', domain));
    const guestCells = elements(descend(root, 'cpu', 'numa'), 'cell').map(({ attributes }) => attributes);
    expect(guestCells).toMatchObject([
      { id: '0', cpus: '0-1', memory: '32768' },
      { id: '1', cpus: '2-3', memory: '32768' },
    ]);
    const monitor = await virsh('qemu-monitor-command', domain, '--hmp', 'info numa');
    expect(monitor).toMatch(/2 nodes\s+node 0 cpus: 0 1\s+node 0 size: 32 MB/);
    expect(monitor).toMatch(/node 1 cpus: 2 3\s+node 1 size: 32 MB/);
    expect(await virsh('numatune', domain)).toMatch(/numa_mode +: strict\s+numa_nodeset +: 0/);
  } finally {
    await guests.perform['guest.destroy']({ do: 'guest.destroy', instance: spec.instance }, quiet, forever);
    await guests.perform['guest.remove']({ do: 'guest.remove', instance: spec.instance }, quiet, forever);
  }
});

test('resized: cells of another size, CPUs and pins, and those of before again', async () => {
  const before = specOf({ 'hw:numa_nodes': '2', 'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '0' }, [
    cell([0], [{ vcpu: 0, cpu: 1 }]),
    cell([1], []),
  ]);
  const uneven = { 'hw:numa_nodes': '2', 'hw:numa_cpus.0': '0', 'hw:numa_cpus.1': '1,2' };
  const after = specOf({ ...uneven, 'hw:numa_mem.0': '16', 'hw:numa_mem.1': '48' }, [
    cell([0], [], { memoryMiB: 16 }),
    cell([1, 2], [], { memoryMiB: 48 }),
  ]);
  const { instance } = before;
  const as = async (spec: GuestSpec) => {
    await guests.perform['guest.destroy']({ do: 'guest.destroy', instance }, quiet, forever);
    await guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, forever);
    const monitor = await virsh('qemu-monitor-command', instance, '--hmp', 'info numa');
    const found = [...monitor.matchAll(/node \d cpus: ([\d ]+)\s+node \d size: (\d+) MB/g)];
    return {
      cells: found.map(([, cpus, size]) => `${cpus?.trim()}: ${size} MB`),
      pins: (await virsh('vcpupin', instance))
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[1]),
      definition: await virsh('dumpxml', instance, '--inactive'),
    };
  };
  try {
    const first = await as(before);
    expect([first.cells, first.pins]).toEqual([
      ['0: 32 MB', '1: 32 MB'],
      ['1', '0-1'],
    ]);
    const second = await as(after);
    expect([second.cells, second.pins]).toEqual([
      ['0: 16 MB', '1 2: 48 MB'],
      ['0-1', '0-1', '0-1'],
    ]);
    expect(await as(before)).toEqual(first);
  } finally {
    await guests.perform['guest.destroy']({ do: 'guest.destroy', instance }, quiet, forever);
    await guests.perform['guest.remove']({ do: 'guest.remove', instance }, quiet, forever);
  }
});

test('QEMU’s own threads have a CPU of their own', async () => {
  const specs = { 'hw:cpu_policy': 'dedicated', 'hw:emulator_threads_policy': 'isolate' };
  const spec = specOf(specs, [cell([0], [{ vcpu: 0, cpu: 1 }], { emulatorCpus: [0], claimedCpus: [0, 1] })]);
  await guests.perform['guest.define']({ do: 'guest.define', spec }, quiet, forever);
  expect((await virsh('emulatorpin', spec.instance, '--config')).trim()).toMatch(/0$/);
  await guests.perform['guest.remove']({ do: 'guest.remove', instance: spec.instance }, quiet, forever);
});

test('a binding that does not place what the flavor asks for is refused', async () => {
  const spec = specOf({ 'hw:numa_nodes': '2' }, [cell([0, 1, 2, 3], [])]);
  const start = guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, forever);
  await expect(start).rejects.toMatchObject({ code: 'guest_refused' });
});
