import { Name } from '../ids.ts';
import { optional, positive, type Static, strict, stringMap } from '../schema.ts';
import { MiB } from '../units.ts';
import { resource } from './common.ts';
import { room } from './room.ts';

export const FlavorSpec = strict({
  vcpus: positive('virtual CPUs', 512),
  memoryMiB: MiB('memory', 1),
  ...room,
  diskMiB: optional(MiB('size of the first disk', 1)),
  extraSpecs: optional(stringMap('Nova’s extra specs, same keys, same meaning')),
});
export type FlavorSpec = Static<typeof FlavorSpec>;

/** vCPUs, memory, disk and guest hardware under one name. Instances keep the flavor as it was when they were made. */
export const Flavor = resource('flavor', Name, FlavorSpec, strict({}));
export type Flavor = Static<typeof Flavor>;
