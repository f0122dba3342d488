/** What a guest needs from a node, in plain numbers for placement. */
import { type GuestInput, mostMemoryMiB, type Requirements } from '@gantry/model';
import { gantryProfile, type Profile } from './profiles.ts';
import { checkGuest } from './specs/check.ts';
import { machineSetting } from './specs/machine.ts';
import { readSettings, wordOf } from './specs/settings.ts';

/**
 * QEMU's own memory beside the guest's, an estimate on the safe side: 112 MiB for its code, heap, devices, video memory
 * and (under TCG) the translated code of a small guest, 8 MiB per vCPU thread, and 1/256 of the guest's memory for
 * page tables and bitmaps. Measured: 90 MiB for 128 MiB and one vCPU under TCG with QEMU 7.2.
 */
export const overheadMiB = (memoryMiB: number, vcpus: number): number =>
  112 + 8 * vcpus + Math.ceil(memoryMiB / 256);

/**
 * `networks` is empty: the input knows bridges of a node, the caller knows networks.
 * @throws GantryError when a setting is not valid
 */
export function requirements(input: GuestInput, profile: Profile = gantryProfile): Requirements {
  const settings = readSettings(input, profile);
  checkGuest(settings, input);
  const architecture = wordOf<string>(settings, 'image', 'hw_architecture')?.value;
  const machineType = machineSetting(settings)?.value;
  return {
    vcpus: input.vcpus,
    memoryMiB: input.memoryMiB + overheadMiB(mostMemoryMiB(input), input.vcpus),
    diskMiB: diskMiB(input),
    ...(architecture === undefined ? {} : { architecture }),
    ...(machineType === undefined ? {} : { machineType }),
    networks: [],
  };
}

/** Storage class: the word before the hyphen of the template. */
function diskMiB(input: GuestInput): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { template, sizeBytes } of input.disks) {
    const storage = template.split('-')[0] ?? template;
    total[storage] = (total[storage] ?? 0) + Math.ceil(sizeBytes / 2 ** 20);
  }
  return total;
}
