/** disk.set: what waits for the next start is written; limits reach a running guest at once, or are taken back. */
import type { Disk, DiskDevice, GantryError, GuestDisk, Problem } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { diskOf } from './disk-attach.ts';
import { orderOf, withDevices, withoutDisk } from './plug.ts';
import { isCurrent, isDown } from './view.ts';

export const setSteps = { set: 'set' } as const;

export interface SetOrder {
  disk: string;
  /** The running guest is changed, too. */
  live: boolean;
  /** To put them back. */
  before: { device: DiskDevice; entry: GuestDisk };
  changes: object[];
}

export const diskSet: Logic = {
  advance(move) {
    const { guest } = move.view;
    const disk = diskOf(move);
    const { live, changes } = orderOf<SetOrder>(move);
    if (!disk || !guest) return move.fail(move.deadlineError('the disk is gone'));
    if (!live || isDown(guest) || (isCurrent(guest) && guest.status.devices?.updated)) {
      move.done(setSteps.set);
      if (guest.spec.plug) move.draft.put(withDevices(guest, move.operation, {}));
      return move.succeed({ disk: disk.id, changes });
    }
    const told = isCurrent(guest) ? guest.status.plugError : undefined;
    const late = move.pastDeadline ? move.deadlineError(`guest ${guest.status.state}`) : undefined;
    const failure = move.cancelError() ?? told ?? late;
    if (failure) putBack(move, disk, failure);
  },
};

function putBack(move: Move, disk: Disk, error: Problem | GantryError): void {
  const { guest } = move.view;
  const { before } = orderOf<SetOrder>(move);
  move.draft.put(withSpec(disk, { device: before.device }));
  if (guest) {
    const disks = [...withoutDisk(guest, disk.id), before.entry];
    move.draft.put(withDevices(guest, move.operation, { disks }));
  }
  move.fail(error);
}
