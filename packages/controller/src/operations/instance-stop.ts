/**
 * instance.stop: the handler has set power=stopped; the agent asks the guest, then forces it. Cancelled or late while the
 * guest still runs, power is set back to what it was; a guest that follows what it was already asked to do is started again.
 */
import { formatMs, type Guest } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { isDown } from './view.ts';

export const stopSteps = { stopped: 'stopped' } as const;

/** What an operation that stops a guest keeps, to take it back. */
export interface Stopped {
  before?: 'running' | 'stopped';
  /** Of the binding; the operation may have been given another. */
  stopTimeoutMs?: number;
}

const stoppedBy = ({ operation }: Move): Stopped => operation.spec.input;

/** How long it is asked from then on, as before. */
export const lifeBefore = (move: Move, { spec: { life } }: Guest): Guest['spec']['life'] => ({
  ...life,
  stopTimeoutMs: stoppedBy(move).stopTimeoutMs ?? life.stopTimeoutMs,
});

/** What its owner wanted when the operation began: one that is up may be so against that, one that nobody hears of may be down. */
export const powerBefore = (move: Move): 'running' | 'stopped' => stoppedBy(move).before ?? 'running';

export const instanceStop: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (!guest || isDown(guest)) {
      move.done(stopSteps.stopped, undefined, guest && howForced(guest));
      return move.succeed();
    }
    const failure =
      move.cancelError() ??
      (move.pastDeadline ? move.deadlineError(`guest ${guest.status.state}`) : undefined);
    if (failure) withdraw(move, failure);
  },
};

/** Whoever asked for a graceful stop is told that it was none: what the guest had not written is lost. */
export const howForced = ({ spec, status }: Guest): string | undefined =>
  status.reason === 'destroyed' && !spec.force
    ? `forced: the guest did not power off within ${formatMs(spec.life.stopTimeoutMs)}`
    : undefined;

export function withdraw(move: Move, error: Parameters<Move['fail']>[0]): void {
  const { instance, guest } = move.view;
  const power = powerBefore(move);
  if (instance) move.draft.put(withSpec(instance, { power }));
  if (guest) move.draft.put(withSpec(guest, { power, force: false, life: lifeBefore(move, guest) }));
  move.fail(error);
}
