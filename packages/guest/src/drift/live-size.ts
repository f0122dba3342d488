/** Which of another size a guest that runs takes while it runs. */
import { formatBytes, type GuestInput, mostMemoryMiB, mostVcpus } from '@gantry/model';
import { whyFixed } from '../specs/room.ts';
import type { Application } from './applies.ts';

export interface LiveSize {
  readonly vcpus: Application;
  readonly memory: Application;
}

/**
 * QEMU (7.2) never lets go of an emulated CPU’s address spaces (target/i386/tcg/sysemu/tcg-cpu.c): libvirt hears nothing of
 * its end and goes on counting it, and QEMU crashes at one of the next changes of the memory map.
 */
export const emulatedKeepsCpus =
  'without KVM QEMU does not survive that a CPU is taken out of a running guest';

/** `started`: what its QEMU was started with, and what it has been given since. `accelerator`: what it runs under. */
export function liveSize(
  started: GuestInput,
  wanted: Pick<GuestInput, 'vcpus' | 'memoryMiB' | 'maxVcpus' | 'maxMemoryMiB'>,
  accelerator: 'kvm' | 'tcg',
): LiveSize {
  const fixed = whyFixed(started);
  const emulated = accelerator === 'tcg' && wanted.vcpus < started.vcpus ? emulatedKeepsCpus : undefined;
  return {
    vcpus: vcpus(started, wanted, fixed.vcpus ?? emulated),
    memory: memory(started, wanted, fixed.memory),
  };
}

const atStart = (why: string): Application => ({ applies: 'next-start', why });
const live = (why: string): Application => ({ applies: 'live', why });

function vcpus(
  started: GuestInput,
  wanted: Pick<GuestInput, 'vcpus' | 'maxVcpus'>,
  fixed: string | undefined,
): Application {
  if (fixed) return atStart(fixed);
  if (started.maxVcpus === undefined) {
    const how = wanted.maxVcpus === undefined ? '; `--max-vcpus` gives the next one room' : '';
    return atStart(`its QEMU was started without room to plug CPUs in or out${how}`);
  }
  const most = mostVcpus(started);
  if (wanted.vcpus > most) return atStart(`its QEMU was started with room for ${most} virtual CPUs`);
  return live(
    `virtual CPUs are plugged in and out, up to the ${most} that its QEMU was started with room for`,
  );
}

function memory(
  started: GuestInput,
  wanted: Pick<GuestInput, 'memoryMiB' | 'maxMemoryMiB'>,
  fixed: string | undefined,
): Application {
  if (fixed) return atStart(fixed);
  const most = mostMemoryMiB(started);
  const size = formatBytes(most * 2 ** 20);
  if (wanted.memoryMiB <= most)
    return live(`its balloon gives and takes memory, up to the ${size} that it started with`);
  const how = wanted.maxMemoryMiB === undefined ? '; `--max-memory` gives the next one room' : '';
  return atStart(`its QEMU was started with ${size}, and a balloon gives no more${how}`);
}
