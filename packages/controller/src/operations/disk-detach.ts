/**
 * disk.detach, in two steps, each of which the node must have answered: the guest gives the disk up, and the binding no
 * longer names it. Only then nothing starts with it any more, and it is free for another instance. A guest that refuses,
 * or says nothing until the deadline, keeps it, and everything says so.
 */
import type { Disk, GantryError, Guest, GuestDisk, Problem } from '@gantry/model';
import type { Logic, Move } from './advance.ts';
import { diskOf } from './disk-attach.ts';
import { freeDisk } from './disk-free.ts';
import { hasDisk, isOpen, orderOf, withDevices, withoutDisk } from './plug.ts';
import { isCurrent, isDown } from './view.ts';

export const detachSteps = { given: 'given up by the guest', free: 'detached' } as const;

/** A guest that answers at all does so within seconds; one that boots is asked again so long. */
export const DETACH_DEADLINE_MS = 60_000;

export interface DetachOrder {
  disk: string;
  /** To put it back. */
  entry: GuestDisk;
}

export const diskDetach: Logic = {
  advance(move) {
    const disk = diskOf(move);
    const { guest } = move.view;
    if (!disk) return move.succeed();
    if (!guest) return end(move, disk);
    const gone = isDown(guest) || isOpen(guest, disk.id) === false;
    if (gone && !hasDisk(guest, disk.id)) return end(move, disk);
    if (gone) {
      move.done(detachSteps.given);
      const plug = { do: 'detach' as const, disk: disk.id as GuestDisk['id'] };
      move.draft.put(withDevices(guest, move.operation, { disks: withoutDisk(guest, disk.id), plug }));
      return;
    }
    const failure = move.cancelError() ?? refusal(move, guest);
    if (failure) keep(move, guest, failure);
  },
};

function end(move: Move, disk: Disk): void {
  move.done(detachSteps.given);
  freeDisk(move, disk);
  const { guest } = move.view;
  if (guest?.spec.plug) move.draft.put(withDevices(guest, move.operation, {}));
  move.done(detachSteps.free);
  const name = (move.draft.current(disk) as Disk).name;
  move.succeed({ disk: disk.id, name });
}

/** The guest said no; or its silence has lasted long enough, and what the node saw of it is the answer. */
function refusal(move: Move, guest: Guest): Problem | GantryError | undefined {
  const told = isCurrent(guest) ? guest.status.plugError : undefined;
  if (told?.code === 'device_refused') return told;
  if (!move.pastDeadline) return undefined;
  return told ?? move.deadlineError(`guest ${guest.status.state}, it still has the disk`);
}

function keep(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { disk, entry } = orderOf<DetachOrder>(move);
  move.draft.put(withDevices(guest, move.operation, { disks: [...withoutDisk(guest, disk), entry] }));
  move.fail(error);
}
