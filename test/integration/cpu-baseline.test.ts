/** The CPU that several hosts can all give, computed by a real libvirtd, and a guest that really runs with it. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CpuDefinition, GuestComparison, GuestInput, GuestSpec, NodeAnswer } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGuests, type Guests } from '../../packages/agent/src/guests/guests.ts';
import { nodeHardware } from '../../packages/agent/src/host/hardware/hardware.ts';
import { guestOf, ids } from '../../packages/agent/src/testing/assignments.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { writeTinyGuest } from '../lab/tiny-guest.ts';

let dir: string;
let libvirtd: PrivateLibvirtd;
let guests: Guests;
const { signal } = new AbortController();
const quiet = () => {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cb-'));
  await chmod(dir, 0o711); // QEMU's user must be able to pass
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  const stateDir = join(dir, 'state');
  await mkdir(stateDir, { mode: 0o711 });
  const disk = join(dir, 'tiny.img');
  await writeTinyGuest(disk);
  guests = createGuests({
    taps: async () => [],
    stateDir,
    socket: libvirtd.socketPath,
    clock: { now: Date.now, bootMs: Date.now, sleep: (ms) => sleep(ms) },
    log: quiet,
    membership: () => ({ cluster: ids.cluster, node: 'node1' }),
    hardware: async () => undefined,
    accelerator: async () => 'tcg',
    disks: async () => [{ disk: ids.disk, state: 'ready', template: 'file-raw', path: disk }],
    bases: async () => [],
    bootFiles: { prepare: async () => ({}), foresee: () => ({}) },
  });
});

afterAll(async () => {
  await guests.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

const baseline = async (...cpus: CpuDefinition[]) =>
  (await guests.answer({ do: 'cpu.baseline', cpus })) as NodeAnswer<'cpu.baseline'>;
const named = (model: string, ...without: string[]): CpuDefinition => ({
  model,
  features: without.map((name) => ({ name, policy: 'disable' })),
});

test('of two hosts it is what both can', async () => {
  expect((await baseline(named('Haswell'), named('Nehalem'))).cpu.model).toBe('Nehalem');
  const both = await baseline(named('Haswell', 'avx2'), named('Haswell', 'aes'));
  expect(both.features).toEqual(expect.arrayContaining(['sse4.2', 'avx']));
  expect(both.features).not.toEqual(expect.arrayContaining(['avx2']));
  expect(both.features).not.toEqual(expect.arrayContaining(['aes']));
});

test('hosts of two vendors have none, and that is said', async () => {
  const of = (model: string, vendor: string): CpuDefinition => ({ model, vendor, features: [] });
  await expect(baseline(of('Haswell', 'Intel'), of('EPYC', 'AMD'))).rejects.toMatchObject({
    code: 'hypervisor_error',
    message: expect.stringContaining('vendors do not match'),
  });
});

test('a guest runs with what this host and one that can less have in common', async () => {
  const { hostModel, cpuFeatures } = await nodeHardware(await guests.hypervisor());
  if (!hostModel) throw new Error('libvirt tells no host model');
  const lesser: CpuDefinition = {
    ...hostModel,
    features: [
      ...hostModel.features,
      ...['avx2', 'aes'].map((name) => ({ name, policy: 'disable' as const })),
    ],
  };
  const { cpu, features } = await baseline(hostModel, lesser);
  expect(cpuFeatures).toEqual(expect.arrayContaining(['avx2', 'aes', ...features]));
  expect(features.filter((name) => name === 'avx2' || name === 'aes')).toEqual([]);

  const spec = specWith({
    policies: [{ level: 'cluster', from: 'c', policy: { cpuMode: 'host-model' } }],
    cpuBaseline: { group: 'default', cpu },
  });
  await guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, signal);
  const xml = (await libvirtd.exec(['virsh', 'dumpxml', spec.instance])).stdout;
  expect(/<cpu .*?<\/cpu>/s.exec(xml)?.[0]).toMatch(/mode='custom' match='exact' check='full'/);
  expect(await guests.explain(spec.instance)).toContainEqual(
    expect.objectContaining({
      path: expect.stringMatching(/\/cpu/),
      level: 'group',
      source: 'cpuBaseline',
      rule: expect.stringContaining('baseline of group default'),
    }),
  );
  const { differences } = (await guests.answer({ do: 'guest.diff', next: spec })) as GuestComparison;
  expect(differences).toEqual([]);
  await guests.perform['guest.destroy'](
    { do: 'guest.destroy', instance: spec.instance } as never,
    quiet,
    signal,
  );
});

function specWith(change: Partial<GuestInput>): GuestSpec {
  const instance = randomUUID() as GuestSpec['instance'];
  const base = guestOf().spec;
  const input: GuestInput = {
    ...base.input,
    name: `baseline-${instance.slice(0, 8)}`,
    memoryMiB: 32,
    boot: { kernel: 'disk' },
    nics: [],
    disks: [{ id: ids.disk, template: 'file-raw', sizeBytes: 2 ** 20 }],
    ...change,
  };
  return { ...base, instance, input };
}
