/**
 * instance.start: the handler has set power=running; this waits. Failed, cancelled or late before the guest ran, it sets
 * power back. Late afterwards (no ping), it leaves the running guest; a cancellation stops it again, and saves one that went
 * on with saved memory. One of which nobody knew whether it ran, and that was to run, may have been up all the time: it is
 * left alone.
 */
import type { GantryError, Problem } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { awaitGuest } from './waits.ts';

export const instanceStart: Logic = {
  advance: (move) => awaitGuest(move, stopAgain),
};

function stopAgain(move: Move, error: Problem | GantryError): void {
  const { instance, guest } = move.operation.spec.input['mayRun'] ? {} : move.view;
  if (instance) move.draft.put(withSpec(instance, { power: 'stopped' }));
  const wasSaved = move.operation.spec.input['restore'] === true;
  const down = wasSaved ? { force: false, memory: 'save' as const } : { force: true };
  if (guest) move.draft.put(withSpec(guest, { power: 'stopped', ...down }));
  move.fail(error);
}
