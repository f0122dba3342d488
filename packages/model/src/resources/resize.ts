/** A resize that is neither confirmed nor reverted: the size before it is held, so that the way back is open. */
import { FlavorId } from '../ids.ts';
import { line, optional, positive, type Static, strict, stringMap, Timestamp } from '../schema.ts';
import { MiB } from '../units.ts';
import { room } from './room.ts';

/** What a flavor gives an instance. */
export const InstanceSize = strict({
  flavor: optional(FlavorId),
  vcpus: positive('virtual CPUs', 512),
  memoryMiB: MiB('memory', 1),
  ...room,
  extraSpecs: optional(stringMap('extra specs of the flavor')),
});
export type InstanceSize = Static<typeof InstanceSize>;

export const Resize = strict({
  from: InstanceSize,
  at: Timestamp,
  by: line(255, 'name of the token'),
  confirmsAt: optional(Timestamp),
});
export type Resize = Static<typeof Resize>;
