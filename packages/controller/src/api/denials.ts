/** Nobody may fill the event log with refusals: what goes beyond a measure is counted, and told with the next one. */
import type { RouteName } from '@gantry/model';
import { type Env, nowOf } from '../env.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

const INTERVAL_MS = 60_000;
/** Refusals of one token that are told in an interval. */
const EACH = 30;
/** Tokens that are remembered; beyond that all begin anew. */
const TOKENS = 10_000;

export class Denials {
  readonly #store: Store;
  readonly #env: Env;
  #toldMs = Number.NEGATIVE_INFINITY;
  #untold = 0;
  readonly #refused = new Map<string, { sinceMs: number; told: number; untold: number }>();

  constructor(store: Store, env: Env) {
    this.#store = store;
    this.#env = env;
  }

  /** Refusals of this token that were not told since the last one that was; undefined: this one is not either. */
  admit(token: string): number | undefined {
    const now = this.#env.clock.now();
    if (this.#refused.size > TOKENS) this.#refused.clear();
    const known = this.#refused.get(token);
    const present =
      known && now < known.sinceMs + INTERVAL_MS
        ? known
        : { sinceMs: now, told: 0, untold: known?.untold ?? 0 };
    this.#refused.set(token, present);
    if (present.told >= EACH) {
      present.untold++;
      return undefined;
    }
    present.told++;
    const { untold } = present;
    present.untold = 0;
    return untold;
  }

  /** Requests without a valid token: one event an interval. */
  async note(route: RouteName, requestId: string): Promise<void> {
    this.#untold++;
    const now = this.#env.clock.now();
    if (now < this.#toldMs + INTERVAL_MS) return;
    const message = `${this.#untold} request(s) without a valid token since the last such event, now: ${route}`;
    this.#toldMs = now;
    this.#untold = 0;
    const draft = new Draft(now);
    draft.batch.events.push({
      at: nowOf(this.#env),
      type: 'api.unauthenticated',
      level: 'warn',
      message,
      requestId,
    });
    await this.#store.commit(draft.batch);
  }
}
