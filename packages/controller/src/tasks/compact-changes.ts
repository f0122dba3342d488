import type { Env } from '../env.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** Watchers that were away for longer list again. */
const KEEP_MS = 24 * 3_600_000;
const KEEP_ROWS = 20_000;

/** Forgets old changes. */
export function compactChanges(store: Store, env: Env): Task {
  let removed = 0;
  return {
    name: 'compact-changes',
    periodMs: 10 * 60_000,
    async run() {
      removed += await store.compact(env.clock.now() - KEEP_MS, KEEP_ROWS);
    },
    status: () => ({ removed }),
  };
}
