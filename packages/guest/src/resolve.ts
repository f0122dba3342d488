/** What settings come to before there is a host: for the agent, which prepares files before it compiles. */
import type { DiskDevice, GuestInput } from '@gantry/model';
import { gantryProfile } from './profiles.ts';
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

/** The machine type that the settings ask for, alias or version. */
export const askedMachineType = (input: Settings, architecture: string): string =>
  askedMachine(readSettings(input, gantryProfile), architecture).value;
