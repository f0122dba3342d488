/** What a node is and can, as far as its guests’ hardware depends on it. Plain facts, from the agent or from a file. */

import type { AbilityName, NodeFirmware } from '@gantry/model';
import type { HostCell, Overcommit } from './numa/host-cell.ts';
import type { Accelerator } from './profiles.ts';
import { refused } from './refusal.ts';

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
  readonly firmware?: readonly NodeFirmware[];
  readonly sev?: { readonly cbitPosition: number; readonly reducedPhysBits: number };
  /** What it cannot, with the reason; what is not named here it can, as far as is known. */
  readonly lacks: { readonly [K in AbilityName]?: string };
  /** Absent: libvirt judges. */
  readonly tpm?: { readonly versions: readonly string[]; readonly models: readonly string[] };
  /** `uname -r`; absent: current enough. */
  readonly kernelRelease?: string;
  /** Major, minor, micro. */
  readonly libvirtVersion?: readonly number[];
  /** Devices that exist, as far as guests could use them; absent: not looked. */
  readonly devices?: readonly string[];
  /** CPU models that libvirt knows there; absent: libvirt judges. */
  readonly cpuModels?: readonly string[];
  /** Features of CPU models; absent: not known. */
  readonly cpuModelFeatures?: Readonly<Record<string, readonly string[]>>;
  /** SMBIOS UUID of the machine. */
  readonly systemUuid?: string;
  readonly cells?: readonly HostCell[];
  readonly overcommit: Overcommit;
}

/**
 * @param need what asks for it, in words: `quota:cpu_* needs CPU time to be limited`
 * @throws GantryError `guest_refused`
 */
export function requireAbility(
  { lacks }: HostFacts,
  ability: AbilityName,
  need: string,
  nova?: string,
): void {
  const why = lacks[ability];
  if (why !== undefined) throw refused(`${need}, and the node cannot: ${why}`, nova);
}

/** Of libvirt, by major, minor and micro; true where it is not known. */
export function isAtLeast({ libvirtVersion }: HostFacts, wanted: readonly number[]): boolean {
  if (!libvirtVersion) return true;
  for (const [index, part] of wanted.entries()) {
    const has = libvirtVersion[index] ?? 0;
    if (has !== part) return has > part;
  }
  return true;
}
