/** Inputs of every kind that the compiler accepts, for property tests. */
import type { GuestInput } from '@gantry/model';
import fc from 'fast-check';
import { diskBuses } from '../src/elements/disk.ts';
import { nicModels } from '../src/elements/interface.ts';
import { videoModels } from '../src/elements/video.ts';
import type { HostContext } from '../src/index.ts';
import { guestInput, hostContext } from './fixtures.ts';

/** Some of the pairs, each with one of its values. */
const some = (table: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<Record<string, string>> =>
  fc.record(table, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;

const bool = fc.constantFrom('true', 'false', 'yes', 'no', '1', '0', 'True');
const watchdog = fc.constantFrom('none', 'pause', 'poweroff', 'reset', 'disabled');
const small = fc.integer({ min: 1, max: 8 }).map(String);

const rate = fc.oneof(
  fc.constant({}),
  fc.record({
    'hw_rng:rate_bytes': fc.nat(2 ** 31).map(String),
    'hw_rng:rate_period': fc.integer({ min: 1, max: 2 ** 31 }).map(String),
  }),
);

const extraSpecs = fc
  .tuple(
    some({
      'hw_rng:allowed': bool,
      'hw:watchdog_action': watchdog,
      'hw:pmu': bool,
      'hw:hide_hypervisor_id': bool,
      'hw:cpu_sockets': small,
      'hw:cpu_cores': small,
      'hw:cpu_threads': small,
      'myown:label': fc.constant('anything'),
    }),
    rate,
  )
  .map(([specs, limit]) => ({ ...specs, ...limit }));

const imageProperties = some({
  hw_disk_bus: fc.constantFrom(...diskBuses),
  hw_vif_model: fc.constantFrom(...nicModels.filter((m) => !['igb', 'spapr-vlan', 'lan9118'].includes(m))),
  hw_video_model: fc.constantFrom(...videoModels),
  hw_machine_type: fc.constantFrom('pc', 'q35', 'pc-i440fx-7.2'),
  hw_watchdog_action: watchdog,
  hw_qemu_guest_agent: bool,
  hw_time_hpet: bool,
  img_hide_hypervisor_id: bool,
  hw_cpu_sockets: small,
  os_type: fc.constantFrom('linux', 'windows'),
  os_distro: fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
});

const policy: fc.Arbitrary<GuestInput['policies'][number]['policy']> = fc.record(
  {
    cpuMode: fc.constantFrom('host-model' as const, 'maximum' as const),
    cpuFlags: fc.array(fc.constantFrom('+pcid', '-mpx', 'aes', '-aes'), { maxLength: 3 }),
    machineType: fc.constantFrom('pc', 'q35'),
    diskCache: fc.constantFrom(
      'none' as const,
      'writeback' as const,
      'writethrough' as const,
      'directsync' as const,
      'unsafe' as const,
    ),
    onPoweroff: fc.constantFrom('restart' as const, 'stop' as const),
    onReboot: fc.constantFrom('restart' as const, 'stop' as const),
    onCrash: fc.constantFrom('restart' as const, 'stop' as const),
  },
  { requiredKeys: [] },
);

const policies = fc
  .tuple(policy, policy, policy)
  .map(([cluster, group, instance]): GuestInput['policies'] => [
    { level: 'cluster', from: 'default', policy: cluster },
    { level: 'group', from: 'rack1', policy: group },
    { level: 'instance', from: 'hello', policy: instance },
  ])
  .filter((levels) => lastOf(levels, 'onReboot') !== 'stop' || lastOf(levels, 'onPoweroff') !== 'restart');

const lastOf = (levels: GuestInput['policies'], key: 'onReboot' | 'onPoweroff') =>
  levels.map(({ policy: one }) => one[key]).findLast((value) => value !== undefined);

const boot = fc.oneof(
  fc.constant<GuestInput['boot']>({ kernel: 'disk' }),
  fc.record({
    kernel: fc.constantFrom('node' as const, '/boot/vmlinuz'),
    args: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  }),
);

const mac = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 })
  .map((bytes) => ['52', '54', '00', ...bytes.map((b) => b.toString(16).padStart(2, '0'))].join(':'));

const nics = fc.uniqueArray(mac, { maxLength: 4 }).chain((macs) =>
  fc.tuple(
    ...macs.map((address) =>
      fc.record({
        bridge: fc.constantFrom('gbr0', 'br100'),
        mac: fc.constant(address),
        mtu: fc.integer({ min: 576, max: 9216 }),
        dhcp: fc.boolean(),
      }),
    ),
  ),
);

const files = fc.uniqueArray(fc.uuid({ version: 4 }), {
  maxLength: 3,
  selector: (id) => id.slice(0, 20),
});

/** Any path that a file system allows and XML can carry. */
const path = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .map((text) => `/srv/${text.replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, '_')}`);

export interface Case {
  input: GuestInput;
  host: HostContext;
}

export const cases: fc.Arbitrary<Case> = fc
  .record({
    vcpus: fc.constantFrom(1, 2, 3, 4, 7, 8, 12, 64),
    memoryMiB: fc.integer({ min: 1, max: 2 ** 22 }),
    room: fc.record(
      { maxVcpus: fc.constantFrom(2, 8, 64), maxMemoryMiB: fc.constantFrom(256, 2 ** 23) },
      { requiredKeys: [] },
    ),
    extraSpecs,
    imageProperties,
    policies,
    boot,
    nics,
    files,
    path,
    accelerator: fc.constantFrom('kvm' as const, 'tcg' as const),
    directIo: fc.boolean(),
    seed: fc.boolean(),
  })
  .filter(
    ({ imageProperties: image, policies: levels }) =>
      image['hw_disk_bus'] !== 'ide' ||
      ![image['hw_machine_type'], ...levels.map((l) => l.policy.machineType)].includes('q35'),
  )
  .map(({ files: ids, path: anyPath, accelerator, directIo, seed, room, ...rest }) => ({
    input: guestInput({
      ...rest,
      ...room,
      nics: [...rest.nics],
      disks: ids.map((id) => ({
        id: id as GuestInput['disks'][number]['id'],
        template: 'file-qcow2' as const,
        sizeBytes: 2 ** 30,
      })),
      cloudInit: seed,
    }),
    host: hostContext({
      accelerator,
      directIo,
      disks: Object.fromEntries(
        ids.map((id, index) => [
          id,
          { path: `${anyPath}-${index}`, format: index % 2 ? ('raw' as const) : ('qcow2' as const) },
        ]),
      ),
      kernel: anyPath,
      ...(seed ? { seedIso: anyPath } : {}),
    }),
  }));
