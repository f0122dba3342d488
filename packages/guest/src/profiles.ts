/**
 * What a guest gets where no setting says anything, and how strictly settings are read: one table, no branch in code.
 */

import type { TimerName } from './elements/clock.ts';
import type { CacheMode } from './elements/disk.ts';
import type { VideoModel } from './elements/video.ts';
import type { CpuMode, NodeConfig } from './node-config.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface TimerDefault {
  readonly name: TimerName;
  readonly present?: boolean;
  readonly tickPolicy?: 'delay' | 'catchup';
  readonly why: string;
}

export interface Profile {
  readonly name: string;
  /** Refuse image booleans other than Nova’s words for yes and no; else any other text means no. */
  readonly strictImageBooleans: boolean;
  /** Refuse unknown image properties with Nova’s prefixes; else they are ignored. */
  readonly strictImageKeys: boolean;
  /** Refuse keys in the wrong case or of the other vocabulary; else they are the operator’s own and have no effect. */
  readonly strictNames: boolean;
  /** Take blanks around numbers and booleans away before they are read. */
  readonly trimValues: boolean;
  /** Refuse settings that would have no effect, such as a limit without its period; else they are dropped. */
  readonly refuseIneffective: boolean;
  /** Virtual IOMMUs. */
  readonly iommuModels: readonly string[];
  /** Accelerators under which Intel’s model handles interrupts of more than 255 CPUs. */
  readonly iommuEim: readonly Accelerator[];
  /** Obey keys that a cluster cannot give yet. */
  readonly acceptLater: boolean;
  /** CPU where nobody says: by accelerator, then by architecture of the guest. */
  readonly cpuMode: Readonly<Record<Accelerator, CpuMode>>;
  readonly cpuModeByArchitecture: Readonly<Record<string, CpuMode>>;
  /** Say `match` for every CPU, not only for those where libvirt looks at it. */
  readonly cpuMatchAlways: boolean;
  readonly cpuFallback?: 'forbid';
  /** Timers of x86 guests. */
  readonly timers: Readonly<Record<Accelerator, readonly TimerDefault[]>>;
  /** Paravirtual interfaces for Windows, and with which accelerators. */
  readonly hyperv: { readonly features: readonly string[]; readonly accelerators: readonly Accelerator[] };
  readonly guestAgent: boolean;
  readonly diskSerial: boolean;
  /** Where the file system allows O_DIRECT, and where it does not. */
  readonly cache: { readonly direct: CacheMode; readonly buffered: CacheMode };
  /** Each virtio disk is served by a thread of its own, beside QEMU’s main loop, which other devices block. */
  readonly ioThreadPerDisk: boolean;
  readonly video: VideoModel;
  /** With a SPICE display. */
  readonly videoWithSpice: VideoModel;
  readonly panicDevice: boolean;
  /** The USB controller is written where something needs it, or always. */
  readonly usbController: 'where-not-needed' | 'always';
  /** Absent: libvirt chooses. */
  readonly scsiController?: string;
  /** Number virtio-scsi disks explicitly, which allows more of them than libvirt’s own numbering. */
  /** PCI Express ports that stay free, where nobody sets it; 0: none are made beside those of `num_pcie_ports`. */
  readonly hotplugPorts: number;
  readonly scsiUnits: boolean;
  /** Architectures whose guests have an APIC. */
  readonly apicArchitectures: readonly string[];
  /** Architectures that boot UEFI where the image says nothing. */
  readonly uefiArchitectures: readonly string[];
  /** Architectures that get a USB keyboard where the image says nothing. */
  readonly keyboardArchitectures: readonly string[];
  readonly sysinfo?: {
    readonly manufacturer: string;
    readonly product: string;
    readonly version: string;
    readonly family: string;
  };
  /** Where the files of guests are, by a folder for each. */
  readonly guestsFolder: string;
  /** A display on a unix socket there. */
  readonly vncSocket: boolean;
  readonly console: { readonly append: boolean; readonly numbered: boolean };
  /** A TPM’s state must be encrypted. */
  readonly tpmNeedsSecret: boolean;
  /** Windows gets a tablet, whatever the node’s configuration. */
  readonly tabletForWindows: boolean;
  /** What nodes are configured to where nobody says. */
  readonly node: NodeConfig;
}

const noHpet = 'an HPET costs a host timer per tick and guests have better clocks';
const catchUp = 'missed ticks of the RTC are delivered late rather than lost, for guests that count them';

const pit: TimerDefault = {
  name: 'pit',
  tickPolicy: 'delay',
  why: 'missed ticks of the PIT are delivered at the normal rate, late',
};
const rtc: TimerDefault = { name: 'rtc', tickPolicy: 'catchup', why: catchUp };
const hpet: TimerDefault = { name: 'hpet', present: false, why: noHpet };

const machineTypes = {
  x86_64: 'pc',
  i686: 'pc',
  aarch64: 'virt',
  armv7l: 'virt',
  ppc64le: 'pseries',
  s390: 's390-ccw-virtio',
  s390x: 's390-ccw-virtio',
};

/** Those that every host with KVM of the last years has; evmcs and reenlightenment are left out, as AMD hosts lack them. */
const enlightenments = [
  'relaxed',
  'vapic',
  'spinlocks',
  'vpindex',
  'runtime',
  'synic',
  'reset',
  'frequencies',
  'tlbflush',
  'ipi',
];

export const gantryProfile: Profile = {
  name: 'gantry',
  strictImageBooleans: true,
  strictImageKeys: true,
  strictNames: true,
  trimValues: false,
  refuseIneffective: true,
  iommuModels: ['intel', 'smmuv3', 'virtio'],
  iommuEim: ['kvm'],
  acceptLater: false,
  cpuMode: { kvm: 'host-model', tcg: 'maximum' },
  cpuModeByArchitecture: {},
  cpuMatchAlways: false,
  cpuFallback: 'forbid',
  timers: {
    kvm: [pit, rtc, hpet],
    // The tick policy of the PIT belongs to KVM's own PIT; under TCG QEMU emulates another one, without policies.
    tcg: [rtc, hpet],
  },
  hyperv: { features: enlightenments, accelerators: ['kvm'] },
  guestAgent: true,
  diskSerial: true,
  cache: { direct: 'none', buffered: 'writeback' },
  ioThreadPerDisk: true,
  video: 'virtio',
  videoWithSpice: 'virtio',
  panicDevice: true,
  usbController: 'where-not-needed',
  scsiController: 'virtio-scsi',
  scsiUnits: false,
  hotplugPorts: 4,
  apicArchitectures: ['x86_64'],
  uefiArchitectures: ['aarch64'],
  keyboardArchitectures: ['aarch64'],
  guestsFolder: '/var/lib/gantry/agent/guests',
  vncSocket: true,
  console: { append: true, numbered: true },
  tpmNeedsSecret: false,
  tabletForWindows: true,
  node: {
    cpuModels: [],
    cpuFlags: [],
    machineTypes,
    pciePorts: 0,
    entropyBackend: '/dev/urandom',
    balloonStatsPeriodS: 10,
    systemSerial: 'guest',
    cacheModes: {},
    discard: 'unmap',
    virtioNics: true,
    fileBackedMemory: false,
    realtimePriority: 1,
    tablet: false,
    packCells: false,
    apic: true,
  },
};

const { cpuFallback: _fallback, scsiController: _controller, ...common } = gantryProfile;

/** What Nova 26.2.2 does, for comparison and for moving guests from it. */
export const novaProfile: Profile = {
  ...common,
  name: 'nova',
  strictImageBooleans: false,
  strictImageKeys: false,
  strictNames: false,
  trimValues: true,
  refuseIneffective: false,
  // What Nova writes for the other models is refused by libvirt.
  iommuModels: ['intel'],
  iommuEim: ['kvm', 'tcg'],
  acceptLater: true,
  cpuMode: { kvm: 'host-model', tcg: 'host-model' },
  cpuModeByArchitecture: { aarch64: 'host-passthrough' },
  cpuMatchAlways: true,
  timers: { kvm: [pit, rtc, hpet], tcg: [] },
  hyperv: {
    features: [...enlightenments, 'reenlightenment', 'evmcs'],
    accelerators: ['kvm', 'tcg'],
  },
  guestAgent: false,
  diskSerial: false,
  ioThreadPerDisk: false,
  videoWithSpice: 'qxl',
  panicDevice: false,
  usbController: 'always',
  scsiUnits: true,
  hotplugPorts: 0,
  apicArchitectures: ['x86_64', 'i686', 'aarch64', 'armv7l', 'ppc64', 'ppc64le', 's390x'],
  sysinfo: {
    manufacturer: 'OpenStack Foundation',
    product: 'OpenStack Nova',
    version: '26.2.2',
    family: 'Virtual Machine',
  },
  guestsFolder: '/var/lib/nova/instances',
  vncSocket: false,
  console: { append: false, numbered: false },
  tpmNeedsSecret: true,
  tabletForWindows: false,
  node: {
    cpuModels: [],
    cpuFlags: [],
    machineTypes,
    pciePorts: 0,
    entropyBackend: '/dev/urandom',
    balloonStatsPeriodS: 10,
    systemSerial: 'guest',
    cacheModes: {},
    virtioNics: true,
    fileBackedMemory: false,
    realtimePriority: 1,
    tablet: true,
    vnc: { address: '127.0.0.1' },
    packCells: false,
    apic: true,
  },
};
