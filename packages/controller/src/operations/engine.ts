/**
 * Moves operations on: whenever an object that one looks at has changed, and when its deadline comes. It keeps no truth,
 * only which objects each active operation last looked at; after a restart everything is looked at once.
 */
import { type Operation, operationEnded } from '@gantry/model';
import type { Env } from '../env.ts';
import { Conflict, retrying } from '../store/conflict.ts';
import type { Notice, Store } from '../store/store.ts';
import { CLEAN_UP, Move } from './advance.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { logics } from './table.ts';
import { objectsOf, readView } from './view.ts';

export class OperationEngine {
  readonly #store: Store;
  readonly #env: Env;
  /** Object id -> operations that look at it. */
  readonly #interests = new Map<string, Set<string>>();
  readonly #lookedAt = new Map<string, string[]>();
  /** Operation id -> when it must be looked at although nothing changed, ms. */
  readonly #alarms = new Map<string, number>();
  readonly #due = new Set<string>();

  constructor(store: Store, env: Env) {
    this.#store = store;
    this.#env = env;
  }

  /** Notes who is concerned. Returns whether anyone is. */
  notice({ changes }: Notice): boolean {
    for (const { meta, op } of changes) {
      if (meta.kind === 'operation' && op === 'put') this.#due.add(meta.id);
      for (const operation of this.#interests.get(meta.id) ?? []) this.#due.add(operation);
    }
    return this.#due.size > 0;
  }

  /** When something must be looked at, ms. */
  get nextAlarmMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#alarms.values());
  }

  get status(): { active: number; due: number } {
    return { active: this.#alarms.size, due: this.#due.size };
  }

  /** Everything active, as after a restart. */
  async lookAtAll(): Promise<void> {
    const { items } = await this.#store.list('operation', { states: ['running', 'cleaning'] });
    for (const { id } of items) this.#due.add(id);
  }

  /** Moves all that are due, one after the other. */
  async run(signal: AbortSignal): Promise<void> {
    const now = this.#env.clock.now();
    for (const [id, at] of this.#alarms) if (at <= now) this.#due.add(id);
    for (const id of [...this.#due].sort()) {
      if (signal.aborted) return;
      this.#due.delete(id);
      await this.#moveSafely(id);
    }
  }

  async #moveSafely(id: string): Promise<void> {
    try {
      await retrying(() => this.#move(id));
    } catch (error) {
      const again = this.#env.clock.now() + 1000;
      this.#alarms.set(id, again);
      const level = error instanceof Conflict ? 'debug' : 'error';
      this.#env.log(level, 'an operation could not be moved on', { operation: id, error: String(error) });
    }
  }

  async #move(id: string): Promise<void> {
    const operation = await this.#store.get('operation', id);
    if (!operation || operationEnded(operation.status.state)) return this.#forget(id);
    const view = await readView(this.#store, operation);
    const move = new Move(view, this.#env.clock.now());
    logics[operation.spec.kind].advance(move);
    const draft = move.finish();
    if (draft) await this.#store.commit(draft.batch);
    if (operationEnded(move.operation.status.state)) return this.#forget(id);
    this.#remember(move);
  }

  #remember({ view, operation }: Move): void {
    this.#forget(operation.id);
    const ids = objectsOf(view).map(({ id }) => id);
    this.#lookedAt.set(operation.id, ids);
    for (const id of ids) {
      const operations = this.#interests.get(id) ?? new Set();
      this.#interests.set(id, operations.add(operation.id));
    }
    this.#alarms.set(operation.id, alarmOf(operation));
  }

  #forget(operation: string): void {
    this.#alarms.delete(operation);
    for (const id of this.#lookedAt.get(operation) ?? []) {
      const operations = this.#interests.get(id);
      operations?.delete(operation);
      if (operations?.size === 0) this.#interests.delete(id);
    }
    this.#lookedAt.delete(operation);
  }
}

function alarmOf({ status, spec }: Operation): number {
  // its own task looks at the deadline
  if (spec.kind === 'node.evacuate' || spec.kind === 'cluster.balance') return Number.POSITIVE_INFINITY;
  const cleaning = status.steps.find((step) => step.name === CLEAN_UP && step.state === 'running');
  return cleaning?.startedAt ? cleaningEndsMs(Date.parse(cleaning.startedAt)) : Date.parse(spec.deadline);
}
