/**
 * instance.delete: the guest leaves its node, then its own disks go, then rows and claims. Once begun it goes on; if the
 * node does not answer in time the tombstones stay, and deleting again continues.
 */
import type { Logic } from './advance.ts';
import { disksGone, dropRows, guestsGone, leftovers, tombstoneDisks, tombstoneGuest } from './removal.ts';

export const deleteSteps = { guest: 'guest removed', disks: 'disks removed' } as const;

export const instanceDelete: Logic = {
  advance(move) {
    const { instance } = move.view;
    if (!instance) return move.succeed();
    tombstoneGuest(move);
    if (guestsGone(move)) {
      move.done(deleteSteps.guest);
      tombstoneDisks(move);
      if (disksGone(move)) {
        move.done(deleteSteps.disks);
        dropRows(move);
        return move.succeed();
      }
    }
    if (move.pastDeadline) move.fail(move.deadlineError(leftovers(move)));
  },
  cannotCancel: () => 'a deletion that has begun goes on',
};
