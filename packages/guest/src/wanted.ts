/**
 * Everything that decides about one guest, in one form: made from an assignment for the agent, or from files for the
 * offline render. From here on there is one path to the domain.
 */

import type { CpuBaseline, FitCell } from '@gantry/model';
import type { CacheMode, DiskBus, DiskDevice, DiskSource, DriveAddress } from './elements/disk.ts';
import type { NicModel, NicSource } from './elements/interface.ts';
import type { IotuneLimit } from './elements/iotune.ts';
import type { Lifecycle } from './elements/lifecycle.ts';
import type { Metadata } from './elements/metadata.ts';
import type { BootDevice } from './elements/os.ts';
import type { HostFacts } from './host-facts.ts';
import type { NodeConfig } from './node-config.ts';
import type { GuestTopology } from './numa/guest-cells.ts';
import type { Decided, Origin } from './origin.ts';
import type { Settings } from './specs/settings.ts';

/** A disk whose place in the guest is decided. */
export interface DiskPlan {
  readonly device: DiskDevice;
  readonly source: DiskSource;
  readonly format: string;
  readonly bus: Decided<DiskBus>;
  /** vda, sdb, ... */
  readonly name: string;
  readonly serial?: string;
  readonly readOnly?: boolean;
  /** Its place among the instance’s disks, kept while others come and go. */
  readonly index?: number;
  /** Set for this one disk of the instance: before everything else. */
  readonly ownCache?: Decided<CacheMode>;
  readonly ownLimits?: Decided<{ readonly [K in IotuneLimit]?: number }>;
  readonly shareable?: boolean;
  /** The file system or pool preallocated it, so that asynchronous I/O of the kernel never waits. */
  readonly nativeIo?: boolean;
  /** `quota:disk_*` holds for it. */
  readonly local: boolean;
  /** Limits of its own, such as those of a volume. */
  readonly limits?: { readonly [K in IotuneLimit]?: number };
  /** Cache mode where the node’s configuration says nothing; absent: by O_DIRECT. */
  readonly cache?: Decided<CacheMode>;
  readonly discard?: 'unmap' | 'ignore';
  readonly blockSize?: { readonly logical?: number; readonly physical?: number };
  readonly bootOrder?: number;
  readonly bootOrigin?: Origin;
  readonly scsiUnit?: number;
  readonly drive?: DriveAddress;
  /** Said explicitly, although libvirt knows it. */
  readonly driverName?: 'qemu';
  readonly origin: Origin;
}

export interface NicPlan {
  readonly mac: string;
  readonly source: NicSource;
  readonly target?: string;
  readonly mtu?: number;
  /** Model that the kind of NIC demands, whatever the image says. */
  readonly model?: 'virtio';
  /** Chosen for this one NIC of the instance: before what the image says. */
  readonly ownModel?: Decided<NicModel>;
  readonly down?: boolean;
  readonly bootOrder?: number;
  readonly bootOrigin?: Origin;
  /** Its traffic can be limited by `quota:vif_*`. */
  readonly limited: boolean;
  readonly origin: Origin;
}

export type BootPlan =
  | { readonly kind: 'disk'; readonly devices: readonly BootDevice[]; readonly origin: Origin }
  | {
      readonly kind: 'kernel';
      readonly kernel: string;
      readonly initrd?: string;
      /** Where neither instance nor image says one. */
      readonly commandLine: string;
      readonly origin: Origin;
    }
  | { readonly kind: 'none' };

/** Who the guest is, and where its own files and sockets are. */
export interface IdentityPlan {
  readonly uuid: string;
  readonly name: string;
  readonly metadata?: Metadata;
  readonly consoleLog: string;
  readonly agentSocket: string;
  /** A display that only the agent reaches. */
  readonly vncSocket?: string;
  /** Where its UEFI variables are kept; absent: where libvirt keeps them. */
  readonly variables?: string;
  /** UUID of the secret that encrypts its TPM’s state. */
  readonly tpmSecret?: string;
}

/** The machine as chosen. */
export interface MachinePlan {
  readonly type: Decided<string>;
  /** Of the guest; differs from the host’s where that is emulated. */
  readonly architecture: string;
  /** What the image is for, emulated or not. */
  readonly imageArchitecture: string;
  readonly emulated: boolean;
}

/** Cells asked for, and where they are on the host. */
export interface NumaPlan {
  readonly topology: GuestTopology;
  readonly cells: readonly FitCell[];
}

export interface Wanted {
  readonly settings: Settings;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Room to grow while it runs; absent: none. */
  readonly maxVcpus?: number;
  readonly maxMemoryMiB?: number;
  readonly host: HostFacts;
  readonly node: NodeConfig;
  readonly identity: IdentityPlan;
  readonly machine: MachinePlan;
  readonly boot: BootPlan;
  readonly disks: readonly DiskPlan[];
  readonly nics: readonly NicPlan[];
  readonly pciDevices: readonly string[];
  readonly lifecycle: readonly Lifecycle[];
  readonly numa?: NumaPlan;
  /** For mode host-model. */
  readonly cpuBaseline?: CpuBaseline;
  /** Guests’ memory is encrypted. */
  readonly encrypted: boolean;
}
