/**
 * instance.import: everything is written with the operation; then it waits until the domain bears the mark. Failed,
 * cancelled or late, it is given back: the node takes the mark off again, and the domain goes on as it was.
 */
import type { GantryError, Guest, OperationId, Problem } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { dropRows } from './removal.ts';
import { isCurrent } from './view.ts';
import { guestFailure } from './waits.ts';

export const importSteps = { adopted: 'managed' } as const;

const adopted: readonly Guest['status']['state'][] = ['running', 'paused', 'stopped', 'suspended', 'crashed'];

export const instanceImport: Logic = {
  advance(move) {
    if (move.operation.status.state === 'cleaning') return giveBack(move);
    const { guest } = move.view;
    const failure = move.cancelError() ?? guestFailure(move);
    if (failure) startGivingBack(move, failure);
    else if (guest && isCurrent(guest) && adopted.includes(guest.status.state)) {
      const { adopt: _done, ...spec } = guest.spec;
      move.draft.put({ ...withSpec(guest, {}), spec: { ...spec, role: 'run' } });
      move.done(importSteps.adopted);
      move.succeed();
    } else if (move.pastDeadline)
      startGivingBack(move, move.deadlineError(`guest ${guest?.status.reason ?? guest?.status.state}`));
  },
  cannotCancel: (operation) => (operation.status.state === 'cleaning' ? 'it is being given back' : undefined),
};

function startGivingBack(move: Move, error: Problem | GantryError): void {
  move.beginCleaning(error);
  order(move);
}

/** The node shall take the mark off. */
export function order({ view, draft, operation }: Move): void {
  const { guest } = view;
  if (guest && guest.spec.role !== 'release')
    draft.put(withSpec(guest, { role: 'release', operation: operation.id as OperationId }));
}

/** Its node has told so since it was ordered. */
export const isReleased = (guest: Guest | undefined): boolean =>
  guest === undefined ||
  (guest.spec.role === 'release' && isCurrent(guest) && guest.status.state === 'absent');

function giveBack(move: Move): void {
  const error = move.operation.status.error;
  if (!error) throw new Error('an operation that cleans up has no cause');
  if (isReleased(move.view.guest)) {
    dropRows(move);
    move.done(CLEAN_UP);
    move.fail(error);
    return;
  }
  const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
  if (move.nowMs < cleaningEndsMs(since)) return;
  move.log('warn', 'its node has not said that it is given back; `gantry instance release` tries again');
  move.fail(error);
}
