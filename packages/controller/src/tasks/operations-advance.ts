import type { Env } from '../env.ts';
import { OperationEngine } from '../operations/engine.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** Moves operations on. All of them are looked at once in a while, in case something was missed. */
export function operationsAdvance(store: Store, env: Env): Task {
  const engine = new OperationEngine(store, env);
  let lookedAtAllMs = Number.NEGATIVE_INFINITY;
  const periodMs = 10_000;
  return {
    name: 'operations-advance',
    periodMs,
    wants: (notice) => engine.notice(notice),
    alarmMs: () => engine.nextAlarmMs,
    async run(signal) {
      const now = env.clock.now();
      if (now - lookedAtAllMs >= periodMs) {
        lookedAtAllMs = now;
        await engine.lookAtAll();
      }
      await engine.run(signal);
    },
    status: () => engine.status,
  };
}
