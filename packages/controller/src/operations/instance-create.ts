/**
 * instance.create: everything wanted is written with the operation (begin-create.ts); from then on it watches the node
 * get there. Failed, cancelled or late before the guest ran, it takes back what it made. Late afterwards (no ping), it
 * leaves the running guest: that is the observed truth, and the user may look at its console.
 */
import { formatBytes, type GantryError, type Problem } from '@gantry/model';
import { withStatus } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import {
  disksGone,
  dropRows,
  guestsGone,
  leftovers,
  outOfReach,
  tombstoneDisks,
  tombstoneGuest,
} from './removal.ts';
import { diskReplicas } from './view.ts';
import { awaitGuest } from './waits.ts';

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
    if (move.operation.status.state === 'cleaning') return cleanCreated(move);
    disksReady(move);
    awaitGuest(move, startCleaning);
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

/** Everything that was made for it shall go. */
export function startCleaning(move: Move, error: Problem | GantryError): void {
  move.beginCleaning(error);
  tombstoneGuest(move);
  tombstoneDisks(move);
}

/** Until everything that was made for it is gone. */
export function cleanCreated(move: Move): void {
  const error = move.operation.status.error;
  if (!error) throw new Error('an operation that cleans up has no cause');
  if (guestsGone(move) && disksGone(move)) {
    dropRows(move);
    move.done(CLEAN_UP);
    move.fail(error);
    return;
  }
  const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
  if (move.nowMs < since + CLEANING_MS && !outOfReach(move)) return;
  move.log('warn', `could not be taken back yet: ${leftovers(move)}`);
  move.fail(error);
}

/** When the runner shall look again although nothing has changed. */
export const cleaningEndsMs = (startedAtMs: number): number => startedAtMs + CLEANING_MS;
