/** What settings come to before there is a host: for the agent, which prepares files before it compiles. */
import type { CdBus, DiskDevice, GuestInput } from '@gantry/model';
import { gantryProfile } from './profiles.ts';
import { cdBusFrom } from './specs/cd-bus.ts';
import { diskBusFrom, firstBus } from './specs/disk.ts';
import { askedMachine } from './specs/machine.ts';
import { firstDisk } from './specs/root-device.ts';
import { readSettings } from './specs/settings.ts';

type Settings = Pick<GuestInput, 'extraSpecs' | 'imageProperties' | 'policies'>;

/** The root device of a direct kernel boot: what the instance says, or its first disk as Linux names it. */
export const rootDevice = (input: Settings & Pick<GuestInput, 'boot' | 'disks'>): string =>
  input.boot.root ?? firstDisk(firstBus(readSettings(input, gantryProfile), input.disks));

/** Where a disk of an instance is: as set for it, or as for all of them. */
export const diskBusOf = (input: Settings, device: DiskDevice | undefined): string =>
  device?.bus ?? diskBusFrom(readSettings(input, gantryProfile)).value;

/** Where a CD drive of an instance is: as set for it, or as its image and its machine say. */
export function cdBusOf(input: Settings, bus: CdBus | undefined, architecture = 'x86_64'): string {
  const settings = readSettings(input, gantryProfile);
  const type = askedMachine(settings, architecture);
  return bus ?? cdBusFrom(settings, { type, imageArchitecture: architecture }).value;
}

/** The machine type that the settings ask for, alias or version. */
export const askedMachineType = (input: Settings, architecture: string): string =>
  askedMachine(readSettings(input, gantryProfile), architecture).value;
