import type { TokenSpec } from '@gantry/model';
import type { Env } from '../env.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** So long people see that a token of theirs has ended, and are told so when they use it. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** Forgets join tokens and certificates that have ended, and people's tokens a month later. */
export function expireTokens(store: Store, env: Env): Task {
  let removed = 0;
  return {
    name: 'expire-tokens',
    periodMs: 3_600_000,
    async run() {
      const now = env.clock.now();
      const { items } = await store.list('token');
      const ended = items.filter(({ spec }) => {
        const ofMachine = spec.role === 'join' || spec.certificate === true;
        return endOf(spec) + (ofMachine ? 0 : KEEP_MS) <= now;
      });
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

const endOf = ({ expiresAt, revokedAt }: TokenSpec): number =>
  Math.min(...[expiresAt, revokedAt].map((at) => (at ? Date.parse(at) : Number.POSITIVE_INFINITY)));
