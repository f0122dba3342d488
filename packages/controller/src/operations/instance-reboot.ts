/**
 * instance.reboot, instance.reset and instance.resume: an act, done at most once by the node. Nothing can be observed afterwards, so the
 * agent's word is the end; `unknown` stays unknown. Failing or cancelling withdraws the act.
 */
import { err } from '@gantry/model';
import type { Logic } from './advance.ts';

export const rebootSteps = { act: 'done by the node' } as const;

export const instanceReboot: Logic = {
  advance(move) {
    const act = move.view.acts[0];
    const { kind } = move.operation.spec;
    const state = act?.status.state;
    if (state === 'done') {
      move.done(rebootSteps.act, act?.status.endedAt);
      return move.succeed();
    }
    if (act && (state === 'failed' || state === 'unknown'))
      return move.fail(act.status.error ?? err('act_unknown', { what: kind, node: act.spec.node }));
    const cancelled = move.cancelError();
    if (cancelled) return move.fail(cancelled);
    if (move.pastDeadline) move.fail(move.deadlineError(`the act is ${state ?? 'gone'}`));
  },
  cannotCancel: () => undefined,
};
