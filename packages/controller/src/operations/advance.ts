/**
 * One move of an operation: what its logic decides on a view, collected into one commit together with its steps, its
 * log and the derived status of its instance. Level-triggered: it may be asked to move at any time, any number of times.
 */

import { isDeepStrictEqual } from 'node:util';
import {
  err,
  formatMs,
  type GantryError,
  type Guest,
  type Operation,
  operationEnded,
  type Problem,
  type Step,
  toProblem,
} from '@gantry/model';
import { timestamp } from '../env.ts';
import { Draft, withStatus } from '../store/batch.ts';
import { deriveInstance } from './derive.ts';
import { endEvent } from './end-event.ts';
import { objectsOf, type View } from './view.ts';

/** How one kind of operation goes on. */
export interface Logic {
  advance(move: Move): void;
  /** Why it cannot be cancelled now; undefined when it can. */
  cannotCancel?(operation: Operation): string | undefined;
}

export class Move {
  readonly view: View;
  readonly nowMs: number;
  readonly draft: Draft;
  operation: Operation;
  /** The guest that is the binding from this move on, where it changes. */
  binding: Guest | undefined;

  constructor(view: View, nowMs: number) {
    this.view = view;
    this.nowMs = nowMs;
    this.operation = view.operation;
    this.draft = new Draft(nowMs);
  }

  get now(): string {
    return timestamp(this.nowMs);
  }

  step(name: string): Step | undefined {
    return this.operation.status.steps.find((step) => step.name === name);
  }

  isDone(name: string): boolean {
    return this.step(name)?.state === 'done';
  }

  /** The step, where there is one, has ended at the time of whoever saw it; the next waiting one begins. */
  done(name: string, at: string = this.now, detail?: string): void {
    const known = this.step(name);
    if (!known || known.state === 'done') return;
    const steps = this.operation.status.steps.map((step) =>
      step.name === name
        ? {
            ...step,
            state: 'done' as const,
            endedAt: at,
            startedAt: step.startedAt ?? at,
            ...(detail ? { detail } : {}),
          }
        : step,
    );
    const next = steps.findIndex((step) => step.state === 'waiting');
    const following = steps[next];
    if (following && !steps.some((step) => step.state === 'running'))
      steps[next] = { ...following, state: 'running', startedAt: at };
    this.#status({ steps });
  }

  get pastDeadline(): boolean {
    return this.nowMs >= Date.parse(this.operation.spec.deadline);
  }

  deadlineError(observed: string): GantryError {
    const { kind, deadlineMs, number } = this.operation.spec;
    const limit = formatMs(deadlineMs);
    return err('deadline_exceeded', { what: kind, limit, observed, operation: number });
  }

  cancelError(): GantryError | undefined {
    const { kind, cancelRequested } = this.operation.spec;
    return cancelRequested && err('operation_cancelled', { kind, by: cancelRequested.by });
  }

  succeed(result?: Record<string, unknown>): void {
    this.#end('succeeded', result ? { result } : {});
  }

  /** Ended without success, and nothing is left to do. */
  fail(error: Problem | GantryError): void {
    const problem = asProblem(error);
    this.#stopSteps(problem);
    this.#end(problem.code === 'operation_cancelled' ? 'cancelled' : 'failed', { error: problem });
  }

  /** Failed or cancelled; what it made is taken back first, in the step `clean up`. */
  beginCleaning(error: Problem | GantryError): void {
    const problem = asProblem(error);
    this.#stopSteps(problem);
    const cleanUp: Step = { name: CLEAN_UP, state: 'running', startedAt: this.now };
    this.#status({ state: 'cleaning', error: problem, steps: [...this.operation.status.steps, cleanUp] });
    this.log('error', problem.title);
  }

  log(level: 'info' | 'warn' | 'error', text: string): void {
    this.draft.batch.log.push({ operation: this.operation.id, lines: [{ at: this.now, level, text }] });
  }

  /** The whole batch, or undefined when there is nothing to write. */
  finish(): Draft | undefined {
    const { view, draft } = this;
    if (this.operation !== view.operation) draft.put(this.operation);
    const { instance } = view;
    const guest = this.binding ?? view.guest;
    const removed = draft.batch.deletes.some(({ id }) => id === instance?.id);
    if (instance && !removed) {
      const present = draft.current(instance);
      const status = deriveInstance(present, guest && draft.current(guest), this.operation, view.nodeLost);
      if (present !== instance || !isDeepStrictEqual(status, instance.status))
        draft.put({ ...present, status });
    }
    if (draft.empty) return undefined;
    return draft.relyOn(...objectsOf(view));
  }

  #status(status: Partial<Operation['status']>): void {
    this.operation = withStatus(this.operation, status);
  }

  #stopSteps(problem: Problem): void {
    const steps = this.operation.status.steps.map((step): Step => {
      if (step.state === 'running')
        return { ...step, state: 'failed', endedAt: this.now, detail: problem.title };
      return step.state === 'waiting' ? { ...step, state: 'skipped' } : step;
    });
    this.#status({ steps });
  }

  #end(state: 'succeeded' | 'failed' | 'cancelled', more: Partial<Operation['status']>): void {
    if (operationEnded(this.operation.status.state)) return;
    this.#status({ state, endedAt: this.now, ...more });
    this.draft.batch.events.push(endEvent(this.operation, this.now));
    for (const act of this.view.acts) this.draft.remove(act);
    if (more.error && this.view.operation.status.state !== 'cleaning') this.log('error', more.error.title);
  }
}

export const CLEAN_UP = 'clean up';

const asProblem = (error: Problem | GantryError): Problem =>
  error instanceof Error ? toProblem(error) : error;
