/**
 * instance.resize: to another size, or back. A guest that must be stopped for it is stopped, rebound and started. One that
 * fails, or is cancelled before it was stopped, is as it was: its size, its binding, and running where it ran.
 */
import {
  type GantryError,
  type Guest,
  type GuestSpec,
  type InstanceSize,
  type Problem,
  passingErrors,
  type Resize,
} from '@gantry/model';
import type { Logic, Move } from './advance.ts';
import { hardwareOf, putBinding } from './held-hardware.ts';
import { observed, reached, whatItHas } from './instance-set.ts';
import { keeping } from './rebound.ts';
import { withSize } from './sizes.ts';
import { downStates, isCurrent } from './view.ts';

export const resizeSteps = { down: 'resized', stopped: 'stopped', running: 'running' } as const;

/** What is kept with the operation. */
export interface ResizeInput {
  way: 'down' | 'live' | 'restart';
  was: { size: InstanceSize; resize?: Resize };
  /** Its binding. */
  before?: GuestSpec;
  /** Of one that is stopped and started: with the new size. */
  next?: GuestSpec;
}

const inputOf = (move: Move): ResizeInput => move.operation.spec.input as unknown as ResizeInput;

export const instanceResize: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (!guest) return move.succeed();
    const { way, next } = inputOf(move);
    const failure = move.cancelError() ?? failureOf(move, guest);
    if (failure) return undo(move, guest, failure);
    if (way === 'live') {
      if (isCurrent(guest) && reached(move, guest)) return settle(move, guest);
    } else if (way === 'down') {
      if (isCurrent(guest)) move.done(resizeSteps.down);
      if (move.isDone(resizeSteps.down)) return settle(move, guest);
    } else if (next && restarted(move, guest, next)) return settle(move, guest);
    if (move.pastDeadline) tooLate(move, guest);
  },
  cannotCancel: ({ status }) =>
    status.steps.some(({ name, state }) => name === resizeSteps.stopped && state === 'done')
      ? 'it is being started with its new size: take that back with `gantry instance resize --revert`'
      : undefined,
};

/** One that is on its way up may be up already: it keeps its new size, and the way back. */
function tooLate(move: Move, guest: Guest): void {
  const error = move.deadlineError(observed(guest.status));
  if (move.isDone(resizeSteps.stopped)) {
    release(move, guest);
    move.fail(error);
  } else undo(move, guest, error);
}

function settle(move: Move, guest: Guest): void {
  release(move, guest);
  move.succeed();
}

/** Without a way back that is open, what it had is no longer held. */
function release(move: Move, guest: Guest): void {
  const { instance } = move.view;
  if (instance && guest.spec.reserved && !instance.spec.resize)
    putBinding(move.draft, guest, keeping(instance, guest, guest.spec.input, []));
}

/** True when it runs with the new size. */
function restarted(move: Move, guest: Guest, next: GuestSpec): boolean {
  if (!isCurrent(guest)) return false;
  if (!move.isDone(resizeSteps.stopped)) {
    if (!downStates.includes(guest.status.state)) return false;
    move.done(resizeSteps.stopped);
    const spec = { ...next, operation: operationOf(guest) };
    putBinding(move.draft, guest, { ...guest, generation: guest.generation + 1, spec });
    return false;
  }
  if (guest.status.state !== 'running') return false;
  move.done(resizeSteps.running, guest.status.startedAt ?? move.now, guest.status.accelerator);
  return true;
}

const operationOf = ({ spec }: Guest) => spec.operation ?? null;

function failureOf(move: Move, guest: Guest): Problem | undefined {
  const { error, state } = guest.status;
  if (!error || !isCurrent(guest) || passingErrors.includes(error.code)) return undefined;
  const { way } = inputOf(move);
  if (way === 'live') return error.code === 'guest_kept' ? error : undefined;
  return way === 'restart' && move.isDone(resizeSteps.stopped) && state !== 'running' ? error : undefined;
}

function undo(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { instance } = move.view;
  const { was, before, way } = inputOf(move);
  const restored = instance && withSize(instance, was.size, was.resize);
  if (restored) move.draft.put(restored);
  if (way === 'live' && restored) {
    const hardware = before && hardwareOf(before);
    const granted = whatItHas(guest) ?? guest.spec.input;
    putBinding(move.draft, guest, keeping(restored, guest, granted, hardware));
  } else if (before)
    putBinding(move.draft, guest, { ...guest, generation: guest.generation + 1, spec: before });
  move.fail(error);
}
