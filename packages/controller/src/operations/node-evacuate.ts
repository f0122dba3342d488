/**
 * node.evacuate: a step for each guest. What is done next is decided by the task that starts the moves (tasks/evacuations.ts),
 * since every move is placed anew; here is what follows from the guests that are there, and from what became of their moves.
 * Pure.
 */
import {
  err,
  formatMs,
  type Instance,
  type Operation,
  operationEnded,
  type Step,
  toProblem,
} from '@gantry/model';
import { withStatus } from '../store/batch.ts';
import type { Logic } from './advance.ts';

export interface EvacuationInput {
  node: string;
  allowStop: boolean;
  parallel: number;
}

export const evacuationInput = ({ spec }: Operation): EvacuationInput =>
  spec.input as unknown as EvacuationInput;

/** Moved on by its task alone. */
export const nodeEvacuate: Logic = { advance: () => undefined };

/** What a look at the cluster shows. */
export interface Sight {
  /** Bound to the node now. */
  here: readonly Instance[];
  /** By id of the instance: why its turn has not come yet. */
  busy: ReadonlyMap<string, string>;
  /** The moves of this evacuation, the latest of each instance. */
  moves: readonly Operation[];
}

export interface Outlook {
  operation: Operation;
  /** To be moved now, in this order. */
  next: Instance[];
}

const staysUp: readonly string[] = ['running', 'paused', 'starting'];
const MUST_STOP =
  'it runs, and guests cannot be moved while they run yet: --allow-stop stops, moves and starts it';

/** What every step is by now, and whom to move next. Ended steps stay; guests that came since get a step. */
export function look(operation: Operation, sight: Sight, nowMs: number): Outlook {
  const { here, busy } = sight;
  const now = new Date(nowMs).toISOString();
  const { allowStop, parallel } = evacuationInput(operation);
  const steps = [...operation.status.steps];
  for (const { id, name } of here)
    if (!steps.some(({ about }) => about === id)) steps.push({ name, about: id, state: 'waiting' });
  const over = operation.spec.cancelRequested !== undefined || nowMs >= Date.parse(operation.spec.deadline);
  const judged = steps.map((step) => (isOpen(step) ? judge(step, sight, { allowStop, over, now }) : step));
  const going = judged.filter(({ state }) => state === 'running').length;
  // in the order of the plan: the largest first; those that are busy are in nobody's way
  const waiting = judged
    .filter(({ state, about }) => state === 'waiting' && !busy.has(about ?? ''))
    .flatMap(({ about }) => here.find(({ id }) => id === about) ?? []);
  const open = judged.some(isOpen);
  const looked = withStatus(operation, { steps: judged });
  return {
    operation: open ? looked : concluded(looked, now),
    next: over ? [] : waiting.slice(0, Math.max(0, parallel - going)),
  };
}

const isOpen = ({ state }: Step): boolean => state === 'waiting' || state === 'running';

function judge(
  step: Step,
  { here, busy, moves }: Sight,
  { allowStop, over, now }: { allowStop: boolean; over: boolean; now: string },
): Step {
  const ended = (state: 'done' | 'failed' | 'skipped', detail: string): Step => ({
    ...step,
    state,
    detail,
    endedAt: now,
  });
  const move = moves.find(({ spec }) => spec.target.id === step.about);
  if (move && !operationEnded(move.status.state))
    return { ...step, state: 'running', startedAt: move.createdAt, detail: `operation ${move.spec.number}` };
  if (move?.status.state === 'succeeded') return ended('done', `to ${String(move.spec.input['toName'])}`);
  const instance = here.find(({ id }) => id === step.about);
  if (!instance) return ended('skipped', 'it is not there any more');
  if (move) return ended('failed', move.status.error?.title ?? 'its move failed');
  if (staysUp.includes(instance.status.state) && !allowStop) return ended('failed', MUST_STOP);
  if (over) return ended('skipped', 'not begun');
  // the first step of a new operation counts as begun
  const { startedAt: _, detail: __, ...fresh } = step;
  const why = busy.get(instance.id);
  return { ...fresh, state: 'waiting', ...(why === undefined ? {} : { detail: `waits: ${why}` }) };
}

/** The result for each guest is in the steps. */
export function concluded(operation: Operation, endedAt: string): Operation {
  const { spec, status } = operation;
  const left = status.steps.filter(({ state, detail }) => state === 'failed' || detail === 'not begun');
  const end = (state: 'succeeded' | 'failed' | 'cancelled', more: object) =>
    withStatus(operation, { state, endedAt, ...more });
  if (left.length === 0)
    return end('succeeded', {
      result: { moved: status.steps.filter(({ state }) => state === 'done').length },
    });
  const why = left.map(({ name, detail }) => `${name}: ${detail}`).join('; ');
  const { kind, number, cancelRequested, deadlineMs } = spec;
  if (cancelRequested)
    return end('cancelled', { error: problemOf('operation_cancelled', { kind, by: cancelRequested.by }) });
  if (Date.parse(spec.deadline) <= Date.parse(endedAt))
    return end('failed', {
      error: problemOf('deadline_exceeded', {
        what: kind,
        limit: formatMs(deadlineMs),
        observed: why,
        operation: number,
      }),
    });
  return end('failed', { error: problemOf('operation_failed', { kind, operation: number, why }) });
}

const problemOf = (code: Parameters<typeof err>[0], params: Parameters<typeof err>[1]) =>
  toProblem(err(code, params));
