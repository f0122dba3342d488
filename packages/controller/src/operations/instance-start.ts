/**
 * instance.start: the handler has set power=running; this waits. Failed, cancelled or late before the guest ran, it sets
 * power back. Late afterwards (no ping), it leaves the running guest; a cancellation stops it again, and saves one that went
 * on with saved memory. Where that cannot be written any more, it runs on: an order that nobody waits for would suspend
 * it one day. One of which nobody knew whether it ran, and that was to run, may have been up all the time: it is left alone.
 */
import { type GantryError, type Problem, passingErrors } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { isCurrent, isDown } from './view.ts';
import { awaitGuest } from './waits.ts';

export const instanceStart: Logic = {
  advance(move) {
    if (move.operation.status.state === 'cleaning') saveAgain(move);
    else awaitGuest(move, stopAgain);
  },
  cannotCancel: ({ status }) => (status.state === 'cleaning' ? 'it is being suspended again' : undefined),
};

function stopAgain(move: Move, error: Problem | GantryError): void {
  const { instance, guest } = move.operation.spec.input['mayRun'] ? {} : move.view;
  if (instance) move.draft.put(withSpec(instance, { power: 'stopped' }));
  if (guest && move.operation.spec.input['restore'] === true) {
    move.draft.put(withSpec(guest, { power: 'stopped', force: false, memory: 'save' }));
    move.beginCleaning(error);
    return;
  }
  if (guest) move.draft.put(withSpec(guest, { power: 'stopped', force: true }));
  move.fail(error);
}

function saveAgain(move: Move): void {
  const { guest, instance } = move.view;
  const { error } = move.operation.status;
  if (!error) throw new Error('an operation that cleans up has no cause');
  const told = guest && isCurrent(guest) ? guest.status : undefined;
  if (told?.error && !passingErrors.includes(told.error.code)) {
    if (instance) move.draft.put(withSpec(instance, { power: 'running' }));
    if (guest) move.draft.put(withSpec(guest, { power: 'running', memory: 'restore' }));
    move.log('warn', `it runs on: ${told.error.title}`);
  } else if (guest && told?.state !== 'suspended' && !isDown(guest)) {
    if (move.nowMs < cleaningEndsMs(Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now))) return;
    move.log('warn', 'its memory has not been written yet; it is when its node can');
  } else move.done(CLEAN_UP);
  move.fail(error);
}
