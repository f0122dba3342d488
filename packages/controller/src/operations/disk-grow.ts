/** disk.grow: its target is the disk, attached or not. A disk that could not grow is as good as before, and says its size. */
import { type Disk, formatBytes, type GantryError, type Problem, type Replica } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { isCurrent } from './view.ts';

export const growSteps = { grown: 'grown' } as const;

export const diskGrow: Logic = {
  advance(move) {
    const disk = move.view.disks[0];
    const replica = move.view.replicas.find(({ spec }) => spec.what === 'disk');
    if (!disk || replica?.spec.what !== 'disk' || replica.spec.desired === 'absent')
      return move.fail(move.deadlineError('the disk is gone'));
    const { sizeBytes = 0, error } = replica.status;
    if (isCurrent(replica) && sizeBytes >= replica.spec.sizeBytes) {
      move.done(growSteps.grown, move.now, formatBytes(replica.spec.sizeBytes));
      return move.succeed({ disk: disk.id, sizeBytes: replica.spec.sizeBytes });
    }
    const told = isCurrent(replica) ? error : undefined;
    const late = move.pastDeadline ? move.deadlineError(`it has ${formatBytes(sizeBytes)}`) : undefined;
    const failure = move.cancelError() ?? told ?? late;
    if (failure) giveUp(move, disk, replica, failure);
  },
};

/** Wanted from now on is what it has: a growth that went through although nobody heard of it stays. */
function giveUp(move: Move, disk: Disk, replica: Replica, error: Problem | GantryError): void {
  const has = Math.max(Number(move.operation.spec.input['before']), replica.status.sizeBytes ?? 0);
  move.draft.put(withSpec(replica, { sizeBytes: has }) as Replica);
  move.draft.put(withSpec(disk, { sizeBytes: has }));
  move.fail(error);
}
