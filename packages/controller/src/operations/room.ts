/** Sizes of an instance or flavor against the room that is asked for with them. */
import { err, formatBytes, type Room } from '@gantry/model';

interface Sized extends Room {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

const MIB = 2 ** 20;

/** Less room than what the guest has anyway is a mistake. @throws GantryError `invalid_argument` */
export function requireRoom({ vcpus, memoryMiB, maxVcpus = vcpus, maxMemoryMiB = memoryMiB }: Sized): void {
  if (maxVcpus < vcpus)
    throw err('invalid_argument', {
      what: `room for ${maxVcpus} virtual CPUs`,
      wanted: `at least the ${vcpus} that the guest has`,
    });
  if (maxMemoryMiB < memoryMiB)
    throw err('invalid_argument', {
      what: `room for ${formatBytes(maxMemoryMiB * MIB)} of memory`,
      wanted: `at least the ${formatBytes(memoryMiB * MIB)} that the guest has`,
    });
}
