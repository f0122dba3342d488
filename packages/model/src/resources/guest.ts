/**
 * Guest: instance x node, the binding. Spec by the controller, status by that node's agent alone.
 * Carries the epoch; a guest of an older epoch is never started.
 */
import { DiskId, InstanceId, NodeId, OperationId } from '../ids.ts';
import { Problem } from '../problem.ts';
import {
  count,
  oneOf,
  optional,
  positive,
  type Static,
  strict,
  stringMap,
  Timestamp,
  Type,
} from '../schema.ts';
import { Bytes, MiB, Milliseconds } from '../units.ts';
import { DefinitionDigest } from './adoption.ts';
import { BootOnce, BootOrder, GuestCd, SeenCd } from './cd.ts';
import { Condition, Epoch, resource } from './common.ts';
import { GuestCopies } from './copying.ts';
import { CpuBaseline } from './cpu.ts';
import { diskTemplates } from './disk.ts';
import { DiskDevice } from './disk-device.ts';
import { Fit, HeldHardware } from './fit.ts';
import { GuestDevices, Plug } from './guest-devices.ts';
import { Boot } from './image.ts';
import { Inside } from './inside.ts';
import { Personality } from './instance.ts';
import { AllowedSource, BridgeName, Ipv4Address, Ipv6Address, MacAddress } from './network.ts';
import { NicModel } from './nic-model.ts';
import { GuestPolicy, shutoffActions } from './policy.ts';
import { RescueDrive } from './rescue-drive.ts';
import { room } from './room.ts';

export const policyLevels = ['cluster', 'group', 'instance'] as const;

export const GuestDisk = strict({
  id: DiskId,
  template: oneOf(diskTemplates),
  sizeBytes: Bytes('size', 1),
  index: optional(count('its place, kept while others come and go; without: by its position')),
  device: optional(DiskDevice),
  rescue: optional(RescueDrive),
});
export type GuestDisk = Static<typeof GuestDisk>;

/**
 * `bound`: MAC, ARP and IP source are what the NIC was given or allowed. `unbound`: the addresses of the network are
 * not Gantry's to give, so only the MAC is bound, and no guest serves DHCP or routes. `off`: everything leaves.
 */
export const nicFilters = ['bound', 'unbound', 'off'] as const;
export type NicFilterMode = (typeof nicFilters)[number];

export const GuestNic = strict({
  bridge: BridgeName,
  mac: MacAddress,
  mtu: optional(Type.Integer({ minimum: 576, maximum: 9216 })),
  ipv4: optional(Ipv4Address),
  prefix: optional(Type.Integer({ minimum: 0, maximum: 32 })),
  gateway: optional(Ipv4Address),
  dns: optional(Type.Array(Ipv4Address)),
  ipv6: optional(Ipv6Address),
  prefix6: optional(Type.Integer({ minimum: 0, maximum: 128 })),
  gateway6: optional(Ipv6Address),
  dns6: optional(Type.Array(Ipv6Address)),
  dhcp: Type.Boolean({ description: 'the guest may ask DHCP for the address; else it is injected' }),
  slot: optional(count('its place, kept while others come and go; without: by its position')),
  link: optional(oneOf(['up', 'down'] as const, 'its cable; default up')),
  model: optional(NicModel),
  filter: optional(oneOf(nicFilters, 'what may leave it; without: `bound` where it has an address')),
  allow: optional(Type.Array(AllowedSource, { maxItems: 64 })),
});
export type GuestNic = Static<typeof GuestNic>;

/** Everything that the compiler of guest hardware reads, apart from facts of the host. Levels are kept apart for provenance. */
export const GuestInput = strict({
  name: Type.String(),
  vcpus: positive('virtual CPUs', 512),
  memoryMiB: MiB('memory', 1),
  ...room,
  extraSpecs: stringMap('extra specs of the flavor'),
  imageProperties: stringMap('properties of the image'),
  policies: Type.Array(
    strict({
      level: oneOf(policyLevels),
      from: Type.String({ description: 'name of cluster, group or instance' }),
      policy: GuestPolicy,
    }),
  ),
  cpuBaseline: optional(CpuBaseline),
  boot: Boot,
  disks: Type.Array(GuestDisk),
  nics: Type.Array(GuestNic),
  cds: optional(Type.Array(GuestCd)),
  bootOrder: optional(BootOrder),
  personality: Personality,
  cloudInit: Type.Boolean({ description: 'the image reads a NoCloud seed' }),
  /** UEFI variables of the system on another disk are given up. */
  variablesOf: optional(DiskId),
  definition: optional(
    oneOf(['kept'] as const, 'its hardware is what libvirt’s definition of it says; nothing is compiled'),
  ),
});
export type GuestInput = Static<typeof GuestInput>;

/** Effective life-cycle policy, resolved by the controller from all levels. */
export const LifePolicy = strict({
  onPoweroff: oneOf(shutoffActions),
  onReboot: oneOf(shutoffActions),
  onCrash: oneOf(shutoffActions),
  startOnBoot: Type.Boolean(),
  stopTimeoutMs: Milliseconds('graceful stop'),
});
export type LifePolicy = Static<typeof LifePolicy>;

export const GuestSpec = strict({
  instance: InstanceId,
  node: NodeId,
  epoch: Epoch,
  role: oneOf(
    ['run', 'receive', 'adopt', 'release'] as const,
    '`adopt`: take the foreign domain that has its id, and run it; `release`: give the domain back as it is',
  ),
  adopt: optional(
    strict(
      { definition: DefinitionDigest, autostart: Type.Boolean() },
      { description: 'the foreign domain as it was when its import was decided' },
    ),
  ),
  power: oneOf(['running', 'stopped'] as const),
  force: optional(Type.Boolean({ description: 'with power=stopped: without asking the guest' })),
  memory: optional(
    oneOf(
      ['save', 'restore'] as const,
      'with power=stopped `save`: its memory is written to disk, not asked to power off; with power=running `restore`: it goes on with saved memory where there is some',
    ),
  ),
  remove: Type.Boolean({ description: 'stop it and undefine the domain; its disks stay' }),
  input: GuestInput,
  fit: Fit,
  life: LifePolicy,
  probe: optional(
    Type.Array(MacAddress, {
      maxItems: 16,
      description: 'NICs with addresses that nobody else may answer for before the guest uses them',
    }),
  ),
  standing: optional(
    count(
      'of its generations: those that changed how it is judged or what it is next, not that it is wanted',
    ),
  ),
  held: optional(
    Type.Boolean({
      description:
        'after a backup of the store was restored: it is told of, and otherwise left as it is, until the controller knows what became of it',
    }),
  ),
  reserved: optional(
    strict(
      {
        vcpus: positive('virtual CPUs'),
        memoryMiB: MiB('memory', 1),
        hardware: optional(Type.Array(HeldHardware, { maxItems: 4 })),
      },
      { description: 'held for its next start or the way back, where that is more; the controller’s alone' },
    ),
  ),
  operation: optional(
    Type.Union([OperationId, Type.Null()], { description: 'whose log the agent writes to' }),
  ),
  plug: optional(Plug),
  copies: optional(GuestCopies),
  bootOnce: optional(BootOnce),
});
export type GuestSpec = Static<typeof GuestSpec>;

/** Where one element of the domain XML comes from. */
export const Provenance = strict({
  path: Type.String({ description: 'element or attribute in the domain XML' }),
  value: Type.String(),
  level: oneOf(['builtin', 'cluster', 'group', 'flavor', 'image', 'instance', 'host', 'libvirt'] as const),
  source: Type.String({ description: 'setting that decided: hw:watchdog_action, cpuMode, ...' }),
  rule: Type.String({ description: 'why, one sentence' }),
});
export type Provenance = Static<typeof Provenance>;

export const guestStates = [
  'absent',
  'defined',
  'starting',
  'running',
  'stopping',
  'stopped',
  'paused',
  'suspended',
  'crashed',
  'unknown',
] as const;
export type GuestState = (typeof guestStates)[number];

export const GuestStatus = strict({
  state: oneOf(guestStates),
  reason: optional(Type.String({ description: 'libvirt’s reason, or ours' })),
  epoch: optional(Epoch),
  endedBy: optional(
    oneOf(
      ['guest-poweroff', 'guest-reboot', 'crash', 'panic', 'operator', 'host', 'watchdog'] as const,
      'why it last stopped',
    ),
  ),
  size: optional(
    strict(
      { vcpus: count('virtual CPUs'), memoryMiB: MiB('memory') },
      {
        description:
          'what a running guest has: what was asked for, or what it keeps of it; not each size on the way',
      },
    ),
  ),
  restarts: optional(Type.Integer({ minimum: 0, description: 'automatic restarts in the current window' })),
  accelerator: optional(oneOf(['kvm', 'tcg'] as const)),
  rebootedAt: optional(
    Type.String({
      format: 'date-time',
      description: 'last reboot inside the same QEMU; signs of life are of the boot since',
    }),
  ),
  domain: optional(Type.String({ description: 'what libvirt calls it on the node' })),
  startedAt: optional(Timestamp),
  firstPingAt: optional(Timestamp),
  sshReadyAt: optional(Timestamp),
  console: optional(Type.String({ description: 'path of the console log on the node' })),
  vnc: optional(Type.String({ description: 'unix socket of the display on the node' })),
  hardware: optional(
    strict(
      { machineType: Type.String(), cpu: optional(Type.String()) },
      { description: 'what libvirt resolved at the first start' },
    ),
  ),
  explanation: optional(Type.Array(Provenance)),
  conditions: optional(Type.Array(Condition)),
  inside: optional(Inside),
  devices: optional(GuestDevices),
  probed: optional(
    Type.Boolean({ description: 'nobody else answered for the addresses that `plug` gives the guest' }),
  ),
  cds: optional(Type.Array(SeenCd)),
  bootedOnce: optional(OperationId),
  plugError: optional(Problem),
  error: optional(Problem),
});
export type GuestStatus = Static<typeof GuestStatus>;

export const Guest = resource('guest', Type.String(), GuestSpec, GuestStatus);
export type Guest = Static<typeof Guest>;
