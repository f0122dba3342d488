/**
 * instance.reboot, instance.reset and instance.resume: an act, done at most once by the node; the agent's word is its end,
 * and `unknown` stays unknown. Failing or cancelling withdraws the act. Who waits for a ping or ssh waits for those of
 * another boot than the guest was in when this was asked for: a guest goes on answering until it goes down.
 */
import { err, type Guest, type readiness, type Step } from '@gantry/model';
import type { Logic, Move } from './advance.ts';
import { endedForGood, isCurrent } from './view.ts';
import { stepsUntil, waitSteps } from './waits.ts';

export const rebootSteps = { act: 'done by the node', rebooted: 'rebooted' } as const;

/** That it rebooted is only waited for where signs of life are. */
export function rebootStepsUntil(until: (typeof readiness)[number] | undefined): Step[] {
  const signs = stepsUntil(until).filter(({ name }) => name !== waitSteps.running);
  const names = signs.length > 0 ? [rebootSteps.act, rebootSteps.rebooted] : [rebootSteps.act];
  return [...names.map((name): Step => ({ name, state: 'waiting' })), ...signs];
}

/** Which boot the guest is in: when it began, by the node's clock; only ever compared for being the same. */
export const bootOf = ({ status }: Guest): string | undefined => status.rebootedAt ?? status.startedAt;

export const instanceReboot: Logic = {
  advance(move) {
    const act = move.view.acts[0];
    const { kind } = move.operation.spec;
    const state = act?.status.state;
    if (state === 'done') move.done(rebootSteps.act, act?.status.endedAt);
    if (move.isDone(rebootSteps.act) && isUp(move)) return move.succeed();
    if (act && (state === 'failed' || state === 'unknown'))
      return move.fail(act.status.error ?? err('act_unknown', { what: kind, node: act.spec.node }));
    const failure = move.cancelError() ?? ended(move);
    if (failure) return move.fail(failure);
    if (move.pastDeadline) move.fail(move.deadlineError(observed(move, state)));
  },
  cannotCancel: () => undefined,
};

/** Marks what the new boot has shown. True when nothing is left to wait for. */
function isUp(move: Move): boolean {
  const { guest } = move.view;
  const before = move.operation.spec.input['bootBefore'];
  const boot = guest && isCurrent(guest) ? bootOf(guest) : undefined;
  const isNew = boot !== undefined && boot !== before && guest?.status.state === 'running';
  const times: Record<string, string | undefined> = isNew
    ? {
        [rebootSteps.rebooted]: boot,
        [waitSteps.ping]: guest.status.firstPingAt,
        [waitSteps.ssh]: guest.status.sshReadyAt,
      }
    : {};
  for (const { name } of move.operation.status.steps) {
    const at = times[name];
    if (at !== undefined) move.done(name, at);
    if (!move.isDone(name)) return false;
  }
  return true;
}

/** It went down and, by its policy, stays so. */
function ended(move: Move) {
  const { guest } = move.view;
  if (!move.isDone(rebootSteps.act) || !guest || !endedForGood(guest)) return undefined;
  const { number, kind } = move.operation.spec;
  return err('operation_failed', {
    kind,
    operation: number,
    why: `the guest ended (${guest.status.endedBy})`,
  });
}

function observed(move: Move, act: string | undefined): string {
  if (!move.isDone(rebootSteps.act)) return `the act is ${act ?? 'gone'}`;
  const state = `guest ${move.view.guest?.status.state ?? 'absent'}`;
  return move.isDone(rebootSteps.rebooted) ? `${state}, rebooted` : `${state}, not rebooted yet`;
}
