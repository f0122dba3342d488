/**
 * instance.suspend: the handler has asked for its memory to be saved; this waits. Failed, cancelled or late, the guest is
 * to run again, if it was to: one that was saved after all goes on with its memory. So is one that crashed meanwhile, where
 * its policy says so.
 */
import { err, type Guest, passingErrors } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { powerBefore } from './instance-stop.ts';
import { isCurrent, isDown } from './view.ts';

export const suspendSteps = { saved: 'memory on disk' } as const;

export const instanceSuspend: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (!guest) return move.fail(ended(move, 'it is gone'));
    const { state, error, endedBy, reason } = guest.status;
    if (isCurrent(guest) && state === 'suspended') {
      move.done(suspendSteps.saved);
      return move.succeed();
    }
    if (isDown(guest)) {
      const why = ended(move, `the guest ended before (${endedBy ?? reason ?? state})`);
      return startsAgain(guest) ? runOn(move, why) : move.fail(why);
    }
    const failure =
      move.cancelError() ??
      (isCurrent(guest) && error && !passingErrors.includes(error.code) ? error : undefined) ??
      (move.pastDeadline ? move.deadlineError(`guest ${state}`) : undefined);
    if (failure) runOn(move, failure);
  },
};

/** Its policy would have started it, had nobody wanted it suspended; `shutdown` is libvirt's word for a poweroff from inside. */
const startsAgain = ({ spec: { life }, status: { reason } }: Guest): boolean =>
  (reason === 'shutdown' ? life.onPoweroff : life.onCrash) === 'restart';

const ended = ({ operation }: Move, why: string) =>
  err('operation_failed', { kind: operation.spec.kind, operation: operation.spec.number, why });

function runOn(move: Move, error: Parameters<Move['fail']>[0]): void {
  const { instance, guest } = move.view;
  const power = powerBefore(move);
  if (instance) move.draft.put(withSpec(instance, { power }));
  if (guest) move.draft.put(withSpec(guest, { power, memory: 'restore' }));
  move.fail(error);
}
