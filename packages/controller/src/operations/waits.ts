/** Waiting for a guest: that QEMU runs, that it answers a ping, that its ssh answers. Times are the agent's. */
import {
  err,
  type GantryError,
  type Problem,
  passingErrors,
  type Replica,
  type readiness,
  type Step,
  toProblem,
} from '@gantry/model';
import type { Move } from './advance.ts';
import { failedPart, isCurrent } from './view.ts';

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

/**
 * The way of create and start alike: until the guest is as far as was asked for. Failed, cancelled or late before it ran,
 * `takeBack` ends it; late afterwards, the guest that runs is the observed truth and is left alone.
 */
export function awaitGuest(move: Move, takeBack: (move: Move, error: Problem | GantryError) => void): void {
  const failure = move.cancelError() ?? failureOf(move);
  if (failure) takeBack(move, failure);
  else if (advanceWaits(move)) move.succeed();
  else if (move.pastDeadline && reached(move)) move.fail(move.deadlineError(observed(move)));
  else if (move.pastDeadline) takeBack(move, move.deadlineError(observed(move)));
}

/** Why waiting for the guest is in vain. */
export function failureOf(move: Move): Problem | undefined {
  const { replicas, attachments, guest } = move.view;
  return failedPart([...replicas, ...attachments], guest) ?? guestFailure(move);
}

function observed({ view }: Move): string {
  const waiting = view.replicas.find((replica: Replica) => replica.status.state !== 'ready');
  if (waiting) return `${waiting.spec.what} ${waiting.status.state}`;
  const { state = 'absent', error, reason } = view.guest?.status ?? {};
  const why = error?.title ?? (state === 'running' ? undefined : reason);
  return why ? `guest ${state}: ${why}` : `guest ${state}`;
}

/** Marks what has been reached. True when nothing is left to wait for. */
function advanceWaits(move: Move): boolean {
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
const reached = (move: Move): boolean => move.isDone(waitSteps.running) || move.isDone(waitSteps.defined);

/** Why waiting is in vain. */
export function guestFailure(move: Move): Problem | undefined {
  const { guest } = move.view;
  if (!guest || !isCurrent(guest)) return undefined;
  const { state, error, endedBy } = guest.status;
  if (error && state !== 'running' && !passingErrors.includes(error.code)) return error;
  const down = state === 'stopped' && endedBy !== undefined && guest.spec.power === 'running';
  if (!down || !reached(move)) return undefined;
  const { number, kind } = move.operation.spec;
  return toProblem(err('operation_failed', { kind, operation: number, why: `the guest ended (${endedBy})` }));
}
