import type { Env } from '../env.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** Forgets join tokens and certificates that have ended. A user's own token stays in sight until he deletes it. */
export function expireTokens(store: Store, env: Env): Task {
  let removed = 0;
  return {
    name: 'expire-tokens',
    periodMs: 3_600_000,
    async run() {
      const now = env.clock.now();
      const { items } = await store.list('token');
      const ended = items.filter(
        ({ spec }) =>
          (spec.role === 'join' || spec.certificate === true) && Date.parse(spec.expiresAt ?? '') <= now,
      );
      if (ended.length === 0) return;
      const draft = new Draft(now);
      for (const token of ended) draft.remove(token).release(token.id);
      await store.commit(draft.batch).catch((error: unknown) => {
        // one of them was used or replaced just now: the next run looks again
        if (!(error instanceof Conflict)) throw error;
      });
      removed += ended.length;
    },
    status: () => ({ removed }),
  };
}
