/**
 * instance.start: the handler has set power=running; this waits. Failing or cancelled before the guest ran it resets
 * power; a late ping leaves the running guest alone, a cancellation stops it again.
 */
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { advanceWaits, guestFailure, observedGuest, reached } from './waits.ts';

export const instanceStart: Logic = {
  advance(move) {
    const cancelled = move.cancelError();
    if (cancelled) return giveUp(move, cancelled);
    if (advanceWaits(move)) return move.succeed();
    const failure = guestFailure(move);
    if (failure) return giveUp(move, failure);
    if (!move.pastDeadline) return;
    const late = move.deadlineError(observedGuest(move));
    if (reached(move)) move.fail(late);
    else giveUp(move, late);
  },
};

function giveUp(move: Move, error: Parameters<Move['fail']>[0]): void {
  const { instance, guest } = move.view;
  if (instance) move.draft.put(withSpec(instance, { power: 'stopped' }));
  if (guest) move.draft.put(withSpec(guest, { power: 'stopped', force: true }));
  move.fail(error);
}
