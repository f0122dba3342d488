/** Requests without a valid token, told as one event per interval with their number: nobody may fill the event log. */
import type { RouteName } from '@gantry/model';
import { type Env, nowOf } from '../env.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

const INTERVAL_MS = 60_000;

export class Denials {
  readonly #store: Store;
  readonly #env: Env;
  #toldMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(store: Store, env: Env) {
    this.#store = store;
    this.#env = env;
  }

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
