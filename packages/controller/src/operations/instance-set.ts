/**
 * instance.set: a running guest gets another size. The handler has granted it in the binding; the agent plugs CPUs and
 * tells the balloon. A guest that keeps what it shall give ends the operation with what it has, which is then its binding's
 * word too: what was asked for comes with its next start. So does cancelling.
 */
import {
  formatBytes,
  type GantryError,
  type Guest,
  type GuestInput,
  type GuestStatus,
  mostMemoryMiB,
  type Problem,
  type Step,
} from '@gantry/model';
import type { Logic, Move } from './advance.ts';
import { keeping } from './rebound.ts';
import { downStates, isCurrent } from './view.ts';

export const setSteps = { vcpus: 'virtual CPUs', memory: 'memory' } as const;

type Sizes = Pick<GuestInput, 'vcpus' | 'memoryMiB'>;

/** A step for each part that changes while the guest runs. */
export const sizeSteps = (has: Sizes, granted: Sizes): Step[] => [
  ...(has.vcpus === granted.vcpus ? [] : [waiting(setSteps.vcpus)]),
  ...(has.memoryMiB === granted.memoryMiB ? [] : [waiting(setSteps.memory)]),
];

const waiting = (name: string): Step => ({ name, state: 'waiting' });

export const instanceSet: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (!guest) return move.succeed();
    const cancelled = move.cancelError();
    if (cancelled) return keep(move, guest, cancelled);
    if (isCurrent(guest) && reached(move, guest)) return move.succeed({ ...guest.status.size });
    const { error } = guest.status;
    if (isCurrent(guest) && error?.code === 'guest_kept') return keep(move, guest, error);
    if (move.pastDeadline) keep(move, guest, move.deadlineError(observed(guest.status)));
  },
};

/** Marks what the guest has. One that ended meanwhile gets the rest when it starts. */
export function reached(move: Move, { spec, status }: Guest): boolean {
  const { size } = status;
  const ended = downStates.includes(status.state) ? 'it no longer runs: its next start takes it' : undefined;
  if (ended ?? size?.vcpus === spec.input.vcpus)
    move.done(setSteps.vcpus, move.now, ended ?? `it has ${spec.input.vcpus}`);
  if (ended ?? size?.memoryMiB === spec.input.memoryMiB)
    move.done(setSteps.memory, move.now, ended ?? `it has ${bytes(spec.input.memoryMiB)}`);
  return move.operation.status.steps.every(({ state }) => state === 'done');
}

const bytes = (mib: number): string => formatBytes(mib * 2 ** 20);

export const observed = ({ state, size }: GuestStatus): string =>
  size ? `the guest has ${size.vcpus} virtual CPUs and ${bytes(size.memoryMiB)}` : `guest ${state}`;

/** The binding says what the guest has, and holds what its next start takes more. */
function keep(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { instance } = move.view;
  const granted = whatItHas(guest);
  if (granted && instance) move.draft.put(keeping(instance, guest, granted));
  move.fail(error);
}

/** Where its node told. */
export function whatItHas({ spec, status }: Guest): GuestInput | undefined {
  const { size } = status;
  if (!size) return undefined;
  const most = mostMemoryMiB(spec.input);
  return { ...spec.input, ...size, ...(size.memoryMiB < most ? { maxMemoryMiB: most } : {}) };
}
