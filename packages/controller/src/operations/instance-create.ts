/**
 * instance.create: everything wanted is written with the operation (begin-create.ts); from then on it watches the node
 * get there. Failed, cancelled or late before the guest ran, it takes back what it made. Late afterwards (no ping), it
 * leaves the running guest: that is the observed truth, and the user may look at its console.
 */
import { formatBytes, type Problem, type Replica } from '@gantry/model';
import { withStatus } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { disksGone, dropRows, guestGone, leftovers, tombstoneDisks, tombstoneGuest } from './removal.ts';
import { diskReplicas, isCurrent } from './view.ts';
import { advanceWaits, guestFailure, observedGuest, reached } from './waits.ts';

/** How long taking back may take; what is left then stays, tombstoned, for `delete`. */
const CLEANING_MS = 5 * 60_000;

export const createSteps = {
  submitted: 'submitted',
  placed: 'placed',
  network: 'network',
  disk: 'disk ready',
} as const;

export const instanceCreate: Logic = {
  advance(move) {
    if (move.operation.status.state === 'cleaning') return clean(move);
    const cancelled = move.cancelError();
    const failure = cancelled ?? failureOf(move);
    if (failure) return startCleaning(move, failure);
    disksReady(move);
    if (advanceWaits(move)) return move.succeed();
    if (!move.pastDeadline) return;
    const late = move.deadlineError(observed(move));
    if (reached(move)) move.fail(late);
    else startCleaning(move, late);
  },
  cannotCancel: (operation) => (operation.status.state === 'cleaning' ? 'it is being taken back' : undefined),
};

function disksReady(move: Move): void {
  const replicas = diskReplicas(move.view);
  if (move.isDone(createSteps.disk) || !replicas.every((replica) => replica.status.state === 'ready')) return;
  const at = latest(replicas.map((replica) => replica.status.readyAt ?? move.now));
  const bytes = replicas.reduce((sum, { status }) => sum + (status.allocatedBytes ?? 0), 0);
  move.done(createSteps.disk, at, bytes > 0 ? `${formatBytes(bytes)} allocated` : undefined);
  const { instance } = move.view;
  if (!instance) return;
  const timeline = { ...instance.status.timeline, diskReadyAt: at };
  move.draft.put(withStatus(instance, { timeline }));
}

/** RFC 3339 in UTC sorts as text. */
const latest = (times: string[]): string => times.toSorted().at(-1) ?? '';

function failureOf(move: Move): Problem | undefined {
  const { view } = move;
  for (const object of [...view.replicas, ...view.attachments])
    if (object.status.state === 'failed' && isCurrent(object) && object.status.error)
      return object.status.error;
  return guestFailure(move);
}

function observed(move: Move): string {
  const waiting = move.view.replicas.find((replica: Replica) => replica.status.state !== 'ready');
  if (waiting) return `${waiting.spec.what} ${waiting.status.state}`;
  return observedGuest(move);
}

function startCleaning(move: Move, error: Parameters<Move['beginCleaning']>[0]): void {
  move.beginCleaning(error);
  tombstoneGuest(move);
  tombstoneDisks(move);
}

function clean(move: Move): void {
  const error = move.operation.status.error;
  if (!error) throw new Error('an operation that cleans up has no cause');
  if (guestGone(move.view.guest) && disksGone(move)) {
    dropRows(move);
    move.done(CLEAN_UP);
    move.fail(error);
    return;
  }
  const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
  if (move.nowMs < since + CLEANING_MS) return;
  move.log('warn', `could not be taken back yet: ${leftovers(move)}`);
  move.fail(error);
}

/** When the runner shall look again although nothing has changed. */
export const cleaningEndsMs = (startedAtMs: number): number => startedAtMs + CLEANING_MS;
