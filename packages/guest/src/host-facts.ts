/** What a node is and can, as far as its guests’ hardware depends on it. Plain facts, from the agent or from a file. */

import type { HostCell, Overcommit } from './numa/host-cell.ts';
import type { Accelerator } from './profiles.ts';

/** A firmware descriptor: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/firmware.json */
export interface FirmwareDescriptor {
  readonly loader: string;
  readonly variables?: string;
  readonly architecture: string;
  /** Machine types, versioned, with `*`. */
  readonly machines: readonly string[];
  readonly features: readonly string[];
}

export interface HostFacts {
  /** As libvirt names it. */
  readonly architecture: string;
  readonly accelerator: Accelerator;
  /** Path of QEMU’s binary. */
  readonly emulator?: string;
  /** Those that QEMU has, aliases included; unknown: libvirt judges. */
  readonly machineTypes?: readonly string[];
  /** Versioned names of unversioned ones. */
  readonly machineAliases: Readonly<Record<string, string>>;
  /** The file system of the disks allows O_DIRECT. */
  readonly directIo: boolean;
  readonly uefi: boolean;
  readonly secureBoot: boolean;
  /** Absent: libvirt chooses. */
  readonly firmware?: readonly FirmwareDescriptor[];
  readonly sev?: { readonly cbitPosition: number; readonly reducedPhysBits: number };
  /** The kernel lets CPU time be limited (cgroup CPU controller). */
  readonly cpuControl: boolean;
  /** `uname -r`; absent: current enough. */
  readonly kernelRelease?: string;
  /** Major, minor, micro. */
  readonly libvirtVersion?: readonly number[];
  /** Devices that exist, as far as guests could use them; absent: not looked. */
  readonly devices?: readonly string[];
  /** CPU models that libvirt knows there; absent: libvirt judges. */
  readonly cpuModels?: readonly string[];
  /** Features of CPU models. */
  readonly cpuModelFeatures: Readonly<Record<string, readonly string[]>>;
  /** SMBIOS UUID of the machine. */
  readonly systemUuid?: string;
  readonly cells?: readonly HostCell[];
  readonly overcommit: Overcommit;
}
