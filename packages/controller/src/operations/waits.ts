/** Waiting for a guest: that QEMU runs, that it answers a ping, that its ssh answers. Times are the agent's. */
import { err, type Problem, type readiness, type Step, toProblem } from '@gantry/model';
import type { Move } from './advance.ts';
import { isCurrent } from './view.ts';

type Readiness = (typeof readiness)[number];

export const waitSteps = {
  running: 'running',
  ping: 'first ping',
  ssh: 'ssh ready',
  defined: 'defined',
} as const;

/** Steps up to the readiness that was asked for. */
export function stepsUntil(until: Readiness | undefined): Step[] {
  const names: string[] = [waitSteps.running];
  if (until === 'ping' || until === 'ssh') names.push(waitSteps.ping);
  if (until === 'ssh') names.push(waitSteps.ssh);
  return names.map((name) => ({ name, state: 'waiting' }));
}

/** Marks what has been reached. True when nothing is left to wait for. */
export function advanceWaits(move: Move): boolean {
  const { guest } = move.view;
  if (!guest || !isCurrent(guest)) return false;
  const { state, startedAt, firstPingAt, sshReadyAt } = guest.status;
  const defined = state === 'defined' || state === 'stopped';
  const ran = state === 'running' || state === 'paused' || startedAt !== undefined;
  const times: Record<string, string | undefined> = {
    [waitSteps.defined]: defined ? move.now : undefined,
    [waitSteps.running]: ran ? (startedAt ?? move.now) : undefined,
    [waitSteps.ping]: firstPingAt,
    [waitSteps.ssh]: sshReadyAt,
  };
  for (const { name } of move.operation.status.steps) {
    const at = times[name];
    const detail = name === waitSteps.running ? guest.status.accelerator : undefined;
    if (at !== undefined) move.done(name, at, detail);
    if (!move.isDone(name)) return false;
  }
  return true;
}

/** The guest runs, or stands defined: later failures are its own. */
export const reached = (move: Move): boolean =>
  move.isDone(waitSteps.running) || move.isDone(waitSteps.defined);

/** What is to be seen of the guest, for who waited in vain. */
export function observedGuest({ view }: Move): string {
  const { state = 'absent', error } = view.guest?.status ?? {};
  return error ? `guest ${state}: ${error.title}` : `guest ${state}`;
}

/** A libvirt that restarts answers again soon, and the agent tries again; the deadline bounds it. */
const passing: ReadonlySet<string> = new Set(['hypervisor_unreachable']);

/** Why waiting is in vain. */
export function guestFailure(move: Move): Problem | undefined {
  const { guest } = move.view;
  if (!guest || !isCurrent(guest)) return undefined;
  const { state, error, endedBy } = guest.status;
  if (error && state !== 'running' && !passing.has(error.code)) return error;
  const down = state === 'stopped' && endedBy !== undefined && guest.spec.power === 'running';
  if (!down || !reached(move)) return undefined;
  const { number, kind } = move.operation.spec;
  return toProblem(err('operation_failed', { kind, operation: number, why: `the guest ended (${endedBy})` }));
}
