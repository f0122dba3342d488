/** instance.release: the node takes its mark off the domain; then rows and claims go. Once ordered it is not taken back. */
import type { Logic } from './advance.ts';
import { isReleased, order } from './instance-import.ts';
import { dropRows } from './removal.ts';
import { guestFailure } from './waits.ts';

export const releaseSteps = { released: 'given back' } as const;

export const instanceRelease: Logic = {
  advance(move) {
    const { guest } = move.view;
    order(move);
    if (isReleased(guest)) {
      move.done(releaseSteps.released);
      dropRows(move);
      return move.succeed();
    }
    const failure = guest?.spec.role === 'release' ? guestFailure(move) : undefined;
    if (failure) move.fail(failure);
    else if (move.pastDeadline) move.fail(move.deadlineError('its node has not said so'));
  },
  cannotCancel: () => 'its node may have given it back already',
};
