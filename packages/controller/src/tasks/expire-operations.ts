import type { Env } from '../env.ts';
import { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

const KEEP_MS = 30 * 24 * 3_600_000;
/** At most so many per run, so that one run does not hold up others. */
const BATCH = 200;

/** Forgets operations a month after they ended, with their logs. */
export function expireOperations(store: Store, env: Env): Task {
  let removed = 0;
  return {
    name: 'expire-operations',
    periodMs: 10 * 60_000,
    async run() {
      const now = env.clock.now();
      const ended = { states: ['succeeded', 'failed', 'cancelled'] };
      const { items } = await store.list('operation', ended, { order: 'oldest', limit: BATCH });
      const old = items.filter(({ status }) => Date.parse(status.endedAt ?? '') < now - KEEP_MS);
      if (old.length === 0) return;
      const draft = new Draft(now);
      for (const operation of old) draft.remove(operation);
      await store.commit(draft.batch);
      removed += old.length;
    },
    status: () => ({ removed }),
  };
}
