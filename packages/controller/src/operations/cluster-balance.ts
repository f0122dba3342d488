/**
 * cluster.balance: a step for each move, one after the other. Whether a move is still good is decided when its turn comes by
 * the task that starts it (tasks/balances.ts); here is what follows from what became of the moves. Pure.
 */
import { type Operation, operationEnded, type Step } from '@gantry/model';
import type { Planned } from '../balancing/plan.ts';
import { withStatus } from '../store/batch.ts';
import type { Logic } from './advance.ts';
import { concluded } from './node-evacuate.ts';

export interface BalanceInput {
  /** Id of the group; absent: all of them. */
  group?: string;
  stop: boolean;
  minGain: number;
  maxMoves?: number;
  maxBytes?: number;
  /** One for each step. */
  plan: Planned['moves'];
  /** How often it was planned anew. */
  replans: number;
  /** The first step of the last plan. */
  plannedAt: number;
}

export const balanceInput = ({ spec }: Operation): BalanceInput => spec.input as unknown as BalanceInput;

/** Moved on by its task alone. */
export const clusterBalance: Logic = { advance: () => undefined };

export interface BalanceOutlook {
  operation: Operation;
  /** Index of the step whose move is to be begun now. */
  next?: number;
  /** All steps have ended; no more may be begun. */
  over: boolean;
}

/** @param moves of this balancing */
export function lookAtBalance(
  operation: Operation,
  moves: readonly Operation[],
  nowMs: number,
): BalanceOutlook {
  const over = operation.spec.cancelRequested !== undefined || nowMs >= Date.parse(operation.spec.deadline);
  const now = new Date(nowMs).toISOString();
  const steps = operation.status.steps.map((step, index) => {
    if (!isOpen(step)) return step;
    const move = moves.find(({ spec }) => spec.input['step'] === String(index));
    return judge(step, move, { over, now });
  });
  const looked = withStatus(operation, { steps });
  const open = steps.some(isOpen);
  if (over && !open) return { operation: concluded(looked, now), over };
  if (over || steps.some(({ state }) => state === 'running')) return { operation: looked, over };
  const next = steps.findIndex(({ state }) => state === 'waiting');
  return { operation: looked, over, ...(next < 0 ? {} : { next }) };
}

const isOpen = ({ state }: Step): boolean => state === 'waiting' || state === 'running';

function judge(step: Step, move: Operation | undefined, { over, now }: { over: boolean; now: string }): Step {
  const ended = (state: 'done' | 'failed' | 'skipped', detail: string): Step => ({
    ...step,
    state,
    detail,
    endedAt: now,
  });
  if (!move && over) return ended('skipped', 'not begun');
  if (!move) {
    // the first step of a new operation counts as begun
    const { startedAt: _, ...fresh } = step;
    return { ...fresh, state: 'waiting' };
  }
  if (!operationEnded(move.status.state))
    return { ...step, state: 'running', startedAt: move.createdAt, detail: `operation ${move.spec.number}` };
  if (move.status.state === 'succeeded') return ended('done', `to ${String(move.spec.input['toName'])}`);
  return ended('failed', move.status.error?.title ?? 'its move failed');
}

/** The step with what stood against it. */
export function passedOver(operation: Operation, index: number, detail: string, endedAt: string): Operation {
  const steps = operation.status.steps.map((step, k) =>
    k === index ? { ...step, state: 'skipped' as const, detail, endedAt } : step,
  );
  return withStatus(operation, { steps });
}

/** So often it is planned anew where the cluster has become another one. */
const MOST_REPLANS = 3;

/** What is left to do of what was asked, where the last plan did not come out as it was; undefined: nothing. */
export function leftToPlan(operation: Operation): Pick<BalanceInput, 'maxMoves' | 'maxBytes'> | undefined {
  const { maxMoves, maxBytes, plan, replans, plannedAt } = balanceInput(operation);
  const { steps } = operation.status;
  if (replans >= MOST_REPLANS || !steps.some(({ state }, k) => k >= plannedAt && state === 'skipped')) return;
  const tried = steps.flatMap(({ state }, k) => (state === 'skipped' ? [] : [plan[k]?.bytes ?? 0]));
  const moves = maxMoves === undefined ? undefined : maxMoves - tried.length;
  const bytes = maxBytes === undefined ? undefined : maxBytes - tried.reduce((a, b) => a + b, 0);
  if (moves === 0 || (bytes !== undefined && bytes <= 0)) return;
  return {
    ...(moves === undefined ? {} : { maxMoves: moves }),
    ...(bytes === undefined ? {} : { maxBytes: bytes }),
  };
}

/** With the steps of a new plan after those that have ended. */
export function replanned(operation: Operation, moves: Planned['moves']): Operation {
  const input = balanceInput(operation);
  const before = operation.status.steps;
  const changed = { ...input, plan: [...input.plan, ...moves] };
  return {
    ...withStatus(operation, { steps: [...before, ...stepsOf(moves)] }),
    spec: {
      ...operation.spec,
      input: { ...changed, replans: input.replans + 1, plannedAt: before.length },
    },
  };
}

export const stepsOf = (moves: Planned['moves']): Step[] =>
  moves.map(
    ({ instance, name, toName }): Step => ({
      name,
      about: instance,
      state: 'waiting',
      detail: `to ${toName}`,
    }),
  );
