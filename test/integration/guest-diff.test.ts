/** Guests against their settings, under a real libvirtd: untouched ones show no difference, touched ones the right one. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { diffGuest, gantryProfile, novaProfile, parseXml, renderCase, renderDomain } from '@gantry/guest';
import { connect, type LibvirtClient, virDomainUndefineFlagsValues } from '@gantry/libvirt';
import type { GuestComparison, GuestInput, GuestSpec } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createGuests, type Guests } from '../../packages/agent/src/guests/guests.ts';
import { guestOf, ids } from '../../packages/agent/src/testing/assignments.ts';
import { oracleCases, question } from '../../packages/guest/test/oracle.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { writeTinyGuest } from '../lab/tiny-guest.ts';

let dir: string;
let disk: string;
let libvirtd: PrivateLibvirtd;
let lv: LibvirtClient;
let guests: Guests;
const { signal } = new AbortController();
const quiet = () => {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gd-'));
  await chmod(dir, 0o711); // QEMU's user must be able to pass
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node') });
  lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
  const stateDir = join(dir, 'state');
  await mkdir(stateDir, { mode: 0o711 });
  disk = join(dir, 'tiny.img');
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
  await lv.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** Without KVM libvirt defines emulated guests only. */
const emulated = <G extends { type: string }>(guest: G): G => ({ ...guest, type: 'qemu' });
const profiles = [novaProfile, { ...gantryProfile, acceptLater: true }];
const wanted = oracleCases('guest-config').filter((one) => one.expect.xml !== undefined);

test.each(profiles.map((profile) => [profile.name, profile] as const))(
  'profile %s: whatever libvirt defines differs in nothing from what was asked',
  async (_, profile) => {
    const different: unknown[] = [];
    let defined = 0;
    for (const one of wanted) {
      const shown = await definedAs(question(one), profile);
      if (!shown) continue;
      defined++;
      const domain = parseXml(shown.xml);
      const settled = { guest: shown.guest, input: { extraSpecs: {}, imageProperties: {}, policies: [] } };
      const before = { asked: parseXml(renderDomain(shown.guest)), explanation: [] };
      for (const known of [{}, { before }])
        for (const one of diffGuest({ domain, running: false, ...known }, settled))
          different.push({ ...one, name: shown.name });
    }
    expect(different).toEqual([]);
    expect(defined).toBeGreaterThanOrEqual(300);
  },
);

/** Undefined where this machine’s libvirt cannot define it. */
async function definedAs(asked: Record<string, unknown>, profile: typeof novaProfile) {
  try {
    const guest = emulated(renderCase(asked, profile));
    const dom = await lv.domainDefineXmlFlags({ xml: renderDomain(guest) });
    const xml = await lv.domainGetXmlDesc({ dom });
    await lv.domainUndefineFlags({ dom, flags: virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_NVRAM });
    return { name: asked['name'], guest, xml };
  } catch {
    return undefined;
  }
}

const made: string[] = [];
afterEach(async () => {
  for (const instance of made.splice(0)) {
    await guests.perform['guest.destroy']({ do: 'guest.destroy', instance } as never, quiet, signal).catch(
      quiet,
    );
    await guests.perform['guest.remove']({ do: 'guest.remove', instance } as never, quiet, signal).catch(
      quiet,
    );
  }
});

function specOf(change: Partial<GuestInput> = {}): GuestSpec {
  const instance = randomUUID() as GuestSpec['instance'];
  made.push(instance);
  const base = guestOf().spec;
  const input: GuestInput = {
    ...base.input,
    name: `diff-${instance.slice(0, 8)}`,
    memoryMiB: 32,
    boot: { kernel: 'disk' },
    nics: [],
    disks: [{ id: ids.disk, template: 'file-raw', sizeBytes: 2 ** 20 }],
    ...change,
  };
  return { ...base, instance, input };
}

const diff = async (wish: { next: GuestSpec; anew?: GuestInput }) =>
  (await guests.answer({ do: 'guest.diff', ...wish })) as GuestComparison;
const start = (spec: GuestSpec) =>
  guests.perform['guest.start']({ do: 'guest.start', spec, because: 'wanted' }, quiet, signal);
const virsh = (...words: string[]) => libvirtd.exec(['virsh', '--quiet', ...words]);
const brief = ({ differences }: GuestComparison) =>
  differences.map(({ path, cause, applies, level, source }) => [
    path.replace('/domain/', ''),
    cause,
    applies,
    ...(level ? [`${level} ${source}`] : []),
  ]);

const settings: [string, Partial<GuestInput>][] = [
  ['the defaults', {}],
  [
    'a host model and a watchdog',
    {
      extraSpecs: { 'hw:watchdog_action': 'reset' },
      policies: [{ level: 'cluster', from: 'c', policy: { cpuMode: 'host-model' } }],
    },
  ],
  ['the maximal CPU', { policies: [{ level: 'cluster', from: 'c', policy: { cpuMode: 'maximum' } }] }],
  [
    'a named CPU with flags',
    {
      policies: [
        {
          level: 'group',
          from: 'g',
          policy: { cpuMode: 'custom', cpuModel: 'Nehalem', cpuFlags: ['+pcid', '-vme'] },
        },
      ],
    },
  ],
  [
    'q35 and virtio-scsi',
    {
      imageProperties: {
        hw_machine_type: 'q35',
        hw_disk_bus: 'scsi',
        hw_scsi_model: 'virtio-scsi',
        hw_qemu_guest_agent: 'yes',
      },
    },
  ],
  [
    'limits',
    {
      extraSpecs: {
        'quota:disk_read_iops_sec': '100',
        'hw_rng:rate_bytes': '24',
        'hw_rng:rate_period': '5000',
      },
    },
  ],
  ['four CPUs in two sockets', { vcpus: 4, extraSpecs: { 'hw:cpu_sockets': '2', 'hw:pmu': 'false' } }],
];

describe('a running guest', () => {
  test.each(settings)('with %s, untouched, differs in nothing', async (_, change) => {
    const spec = specOf(change);
    await start(spec);
    const { compared, differences } = await diff({ next: spec });
    expect(differences).toEqual([]);
    expect(compared).toBe('running');
  });

  test('shows what changed settings would do, and when', async () => {
    const extraSpecs = {
      'hw_rng:rate_bytes': '24',
      'hw_rng:rate_period': '5000',
      'quota:disk_read_iops_sec': '100',
    };
    const spec = specOf({ extraSpecs });
    await start(spec);
    const policies: GuestInput['policies'] = [
      { level: 'cluster', from: 'c', policy: { onReboot: 'stop', diskCache: 'writeback' } },
    ];
    const next = { ...spec, input: { ...spec.input, memoryMiB: 48, policies } };
    const anew = {
      ...next.input,
      extraSpecs: { 'hw_rng:allowed': 'false', 'quota:disk_read_iops_sec': '200' },
    };
    const compared = await diff({ next, anew });
    expect(brief(compared)).toEqual([
      ['memory', 'settings', 'next-start', 'flavor memoryMiB'],
      ['on_reboot', 'settings', 'live', 'cluster onReboot'],
      ['devices/disk[vda]/driver/@cache', 'settings', 'next-start', 'cluster diskCache'],
      ['devices/disk[vda]/iotune/read_iops_sec', 'settings', 'rebuild', 'flavor quota:disk'],
      ['devices/rng', 'settings', 'rebuild', 'flavor hw_rng:allowed'],
    ]);
    const [memory, reboot, , limit, rng] = compared.differences;
    expect([memory?.now, memory?.wanted]).toEqual(['32 MiB', '48 MiB']);
    expect([reboot?.now, reboot?.wanted]).toEqual(['restart', 'destroy']);
    expect([limit?.now, limit?.wanted]).toEqual(['100', '200']);
    expect(rng).toMatchObject({ change: 'removed', rule: 'it is no longer asked for' });
    expect(rng?.wanted).toBeUndefined();
  });

  test('after its next start nothing differs any more', async () => {
    const spec = specOf();
    await start(spec);
    const next = { ...spec, input: { ...spec.input, memoryMiB: 48 } };
    expect((await diff({ next })).differences).toHaveLength(1);
    await stop(spec);
    await start(next);
    expect((await diff({ next })).differences).toEqual([]);
  });

  test('shows what was changed by hand', async () => {
    const spec = specOf({ vcpus: 2, extraSpecs: { 'quota:disk_read_iops_sec': '100' } });
    const name = spec.instance;
    await start(spec);
    const extra = join(dir, 'extra.img');
    await writeFile(extra, Buffer.alloc(2 ** 20));
    await virsh('attach-disk', name, extra, 'vdb', '--live');
    await virsh('blkdeviotune', name, 'vda', '--read-iops-sec', '50', '--live');
    await virsh(
      'attach-device',
      name,
      await xmlFile("<interface type='ethernet'><mac address='52:54:00:00:00:09'/></interface>"),
      '--live',
    );
    await virsh('set-lifecycle-action', name, 'crash', 'preserve', '--live');
    const shown = await diff({ next: spec });
    expect(brief(shown)).toEqual([
      ['on_crash', 'foreign', 'live', 'builtin onCrash'],
      ['devices/disk[vda]/iotune/read_iops_sec', 'foreign', 'live', 'flavor quota:disk'],
      ['devices/disk[vdb]', 'foreign', 'live'],
      ['devices/interface[52:54:00:00:00:09]', 'foreign', 'live'],
    ]);
    expect(shown.differences[1]).toMatchObject({ now: '50', wanted: '100' });
    expect(shown.differences[2]).toMatchObject({ change: 'removed', now: expect.stringContaining(extra) });
    await stop(spec);
    await start(spec);
    expect((await diff({ next: spec })).differences).toEqual([]);
  });

  test('of settings that no guest can be made of, says why', async () => {
    const spec = specOf();
    await start(spec);
    const bad = { ...spec.input, extraSpecs: { 'hw_rng:rate_bytes': '24', 'hw:cpu_sockets': '3' } };
    const refused = { settings: 'next-start', problem: { code: 'invalid_property' } };
    expect(await diff({ next: { ...spec, input: bad } })).toMatchObject({ differences: [], refused });
    const changed = { ...spec, input: { ...spec.input, memoryMiB: 48 } };
    const { differences, ...rest } = await diff({ next: changed, anew: bad });
    expect(differences).toHaveLength(1);
    expect(rest).toMatchObject({ refused: { ...refused, settings: 'rebuild' } });
  });
});

describe('a stopped guest', () => {
  test('is compared as it was defined last, and everything waits for its start', async () => {
    const spec = specOf();
    await start(spec);
    await stop(spec);
    const same = await diff({ next: spec });
    expect(same).toEqual({ compared: 'definition', differences: [] });
    await virsh('setmem', spec.instance, '16384', '--config');
    const policies: GuestInput['policies'] = [{ level: 'group', from: 'g', policy: { onReboot: 'stop' } }];
    const next = { ...spec, input: { ...spec.input, policies } };
    expect(brief(await diff({ next }))).toEqual([
      ['currentMemory', 'foreign', 'next-start'],
      ['on_reboot', 'settings', 'next-start', 'group onReboot'],
    ]);
  });

  test('that was never defined has nothing to compare, and nothing is made of it', async () => {
    const spec = specOf();
    await expect(diff({ next: spec })).rejects.toMatchObject({ code: 'not_found' });
    expect((await guests.observe()).guestFiles).not.toContain(spec.instance);
  });
});

const stop = (spec: GuestSpec) =>
  guests.perform['guest.destroy']({ do: 'guest.destroy', instance: spec.instance }, quiet, signal);

async function xmlFile(xml: string): Promise<string> {
  const path = join(dir, `${randomUUID()}.xml`);
  await writeFile(path, xml);
  return path;
}
