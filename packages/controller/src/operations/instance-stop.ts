/**
 * instance.stop: the handler has set power=stopped; the agent asks the guest, then forces it. Cancelled or late while the
 * guest still runs, power is set back to what it was; the guest may still follow what it was already asked to do.
 */
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { isCurrent } from './view.ts';

export const stopSteps = { stopped: 'stopped' } as const;

/** What its owner wanted when the operation began: one that is up may be so against that, one that nobody hears of may be down. */
export const powerBefore = ({ operation }: Move): 'running' | 'stopped' =>
  operation.spec.input['before'] === 'stopped' ? 'stopped' : 'running';

const down = ['absent', 'defined', 'stopped', 'crashed'];

export const instanceStop: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (!guest || (isCurrent(guest) && down.includes(guest.status.state))) {
      move.done(stopSteps.stopped);
      return move.succeed();
    }
    const failure =
      move.cancelError() ??
      (move.pastDeadline ? move.deadlineError(`guest ${guest.status.state}`) : undefined);
    if (failure) withdraw(move, failure);
  },
};

function withdraw(move: Move, error: Parameters<Move['fail']>[0]): void {
  const { instance, guest } = move.view;
  const power = powerBefore(move);
  if (instance) move.draft.put(withSpec(instance, { power }));
  if (guest) move.draft.put(withSpec(guest, { power, force: false }));
  move.fail(error);
}
