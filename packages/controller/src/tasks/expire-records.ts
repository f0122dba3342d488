import type { Env } from '../env.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

const DAY_MS = 24 * 3_600_000;
const AUDIT_DAYS = 365;

/** Forgets idempotency keys, and why requests found no place, after a day and events after ninety. */
export function expireRecords(store: Store, env: Env): Task {
  let removed = 0;
  return {
    name: 'expire-records',
    periodMs: 3_600_000,
    async run() {
      const now = env.clock.now();
      const { auditDays = AUDIT_DAYS } = (await store.list('cluster')).items[0]?.spec ?? {};
      removed += await store.expire({
        idempotencyMs: now - DAY_MS,
        eventsMs: now - 90 * DAY_MS,
        auditMs: now - auditDays * DAY_MS,
      });
    },
    status: () => ({ removed }),
  };
}
