/**
 * instance.clone: everything wanted is written with the operation (begin-clone.ts). While the disks are being copied the
 * source is held; it is let go in one commit when they are whole, or when the copy is given up. From then on it goes on
 * as a create does, and is taken back as one.
 */
import {
  formatBytes,
  type GantryError,
  type Guest,
  type Instance,
  type OperationId,
  type Problem,
  passingErrors,
  type Replica,
} from '@gantry/model';
import { withSpec, withStatus } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { unasked } from './binding.ts';
import { cleanCreated, startCleaning } from './instance-create.ts';
import { withoutSend } from './instance-move.ts';
import { lifeBefore, type Stopped } from './instance-stop.ts';
import { diskReplicas, failedPart, isCurrent, isDown } from './view.ts';
import { awaitGuest } from './waits.ts';

export const cloneSteps = { stopped: 'source stopped', copied: 'disks copied' } as const;

/** What the operation keeps of the request. */
export interface CloneInput extends Pick<Stopped, 'stopTimeoutMs'> {
  source: string;
  sourceName: string;
  /** The source ran, and is to run again. */
  restart?: boolean;
}

const inputOf = ({ operation }: Move): CloneInput => operation.spec.input as unknown as CloneInput;

export const instanceClone: Logic = {
  advance(move) {
    if (move.operation.status.state === 'cleaning') return cleanCreated(move);
    if (!move.isDone(cloneSteps.copied)) copying(move);
    if (move.isDone(cloneSteps.copied)) awaitGuest(move, startCleaning);
  },
  cannotCancel: (operation) => (operation.status.state === 'cleaning' ? 'it is being taken back' : undefined),
};

function copying(move: Move): void {
  const failure = move.cancelError() ?? failureOf(move) ?? late(move);
  if (failure) {
    letGo(move);
    startCleaning(move, failure);
    return;
  }
  const { guest } = move.view.source ?? {};
  if (guest && isDown(guest)) move.done(cloneSteps.stopped);
  const replicas = diskReplicas(move.view);
  if (!replicas.every((replica) => isCurrent(replica) && replica.status.state === 'ready')) return;
  letGo(move);
  const bytes = replicas.reduce((sum, { status }) => sum + (status.allocatedBytes ?? 0), 0);
  move.done(cloneSteps.copied, move.now, bytes > 0 ? `${formatBytes(bytes)} allocated` : undefined);
}

/** What a broken connection or a restarting daemon causes passes; the deadline bounds it. */
const passing: readonly string[] = [...passingErrors, 'transfer_failed', 'download_failed'];

function failureOf({ view }: Move): Problem | undefined {
  const error = failedPart(view.replicas, diskReplicas(view).find(isCurrent));
  return error && !passing.includes(error.code) ? error : undefined;
}

const late = (move: Move): GantryError | undefined => {
  if (!move.pastDeadline) return undefined;
  const { guest } = move.view.source ?? {};
  if (inputOf(move).restart && !move.isDone(cloneSteps.stopped))
    return move.deadlineError(`guest ${inputOf(move).sourceName} ${guest?.status.state ?? 'absent'}`);
  const open = diskReplicas(move.view).find(({ status }) => status.state !== 'ready');
  const why = open?.status.error?.title;
  return move.deadlineError(`disk ${open?.name ?? ''} ${open?.status.state ?? ''}${why ? `: ${why}` : ''}`);
};

/** The source is again what it was. */
function letGo(move: Move): void {
  const { source } = move.view;
  if (!source) return;
  const { instance, guest, replicas } = source;
  for (const replica of replicas) if (sends(replica)) move.draft.put(withoutSend(replica, 'present'));
  if (guest) move.draft.put(free(move, guest));
  if (instance.status.operation === move.operation.id) move.draft.put(idle(instance));
}

const sends = ({ spec }: Replica): boolean => spec.what === 'disk' && spec.send !== undefined;

function free(move: Move, guest: Guest): Guest {
  const { copies: _, ...spec } = guest.spec;
  if (guest.spec.copies) return unasked(guest, spec);
  const operation = move.operation.id as OperationId;
  const again = inputOf(move).restart ? { power: 'running' as const, operation } : {};
  return withSpec(guest, { life: lifeBefore(move, guest), ...again });
}

function idle(instance: Instance): Instance {
  const { operation: _, ...status } = instance.status;
  return withStatus({ ...instance, status }, {});
}
