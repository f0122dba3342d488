/** What of another size a guest takes while it runs: asked when it is set, and carried by its binding from then on. */
import { type LiveSize, liveSize } from '@gantry/guest';
import { type Guest, type GuestInput, type Instance, mostMemoryMiB, type Node } from '@gantry/model';

export const LIVE_SIZE = 'guest:live-size';

/** `wanted`: what its next start is to give. */
export function sizeNow(
  instance: Instance,
  guest: Guest,
  node: Node | undefined,
  wanted: GuestInput,
): LiveSize {
  const { state } = instance.status;
  const able = node?.status.facts?.capabilities.includes(LIVE_SIZE) ?? false;
  const why = !able
    ? 'the agent of its node is of a release that cannot do it while it runs'
    : state === 'running'
      ? undefined
      : `it is ${state}: only a guest that runs takes or gives`;
  const later = why === undefined ? undefined : ({ applies: 'next-start', why } as const);
  return later
    ? { vcpus: later, memory: later }
    : liveSize(guest.spec.input, wanted, guest.status.accelerator ?? 'tcg');
}

/** What the binding of a running guest says from now on: of the new size what it takes live. */
export function grant(has: GuestInput, wanted: GuestInput, { vcpus, memory }: LiveSize): GuestInput {
  const memoryMiB = memory.applies === 'live' ? wanted.memoryMiB : has.memoryMiB;
  const most = mostMemoryMiB(has);
  return {
    ...has,
    vcpus: vcpus.applies === 'live' ? wanted.vcpus : has.vcpus,
    memoryMiB,
    // what its QEMU was started with stays known
    ...(memoryMiB < most ? { maxMemoryMiB: most } : {}),
  };
}
