/** Up to what a guest may grow while it runs. */
import { optional, positive, Type } from '../schema.ts';
import { MiB } from '../units.ts';

const vcpus = positive('virtual CPUs that a running guest may grow to; absent: what it has', 512);
const memoryMiB = MiB('memory that a running guest may grow to; absent: what it has', 1);
const none = Type.Null({ description: 'unsets it' });

/**
 * Its QEMU is started with that much room, of which the guest has `vcpus` and `memoryMiB`. Only what it has is taken of
 * the node. Ganeti's maxmem; Nova has nothing like it.
 */
export const room = { maxVcpus: optional(vcpus), maxMemoryMiB: optional(memoryMiB) };

export const roomChanges = {
  maxVcpus: optional(Type.Union([vcpus, none])),
  maxMemoryMiB: optional(Type.Union([memoryMiB, none])),
};

export interface Room {
  readonly maxVcpus?: number | undefined;
  readonly maxMemoryMiB?: number | undefined;
}

/** The room alone. */
export const roomOf = ({ maxVcpus, maxMemoryMiB }: Room): { maxVcpus?: number; maxMemoryMiB?: number } => ({
  ...(maxVcpus === undefined ? {} : { maxVcpus }),
  ...(maxMemoryMiB === undefined ? {} : { maxMemoryMiB }),
});

interface Sized extends Room {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

/** What its QEMU is started with room for. */
export const mostVcpus = ({ vcpus: has, maxVcpus }: Pick<Sized, 'vcpus' | 'maxVcpus'>): number =>
  Math.max(has, maxVcpus ?? 0);

/** What its QEMU is started with room for, MiB. */
export const mostMemoryMiB = (sized: Pick<Sized, 'memoryMiB' | 'maxMemoryMiB'>): number =>
  Math.max(sized.memoryMiB, sized.maxMemoryMiB ?? 0);
