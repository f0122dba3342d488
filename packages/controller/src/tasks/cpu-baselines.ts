/** Each group of several nodes has a CPU that all of them can give; it follows the nodes that come, go and change. */
import { type Parts, settle } from '../cpu-baseline/settle.ts';
import { Conflict } from '../store/conflict.ts';
import type { Task } from './task.ts';

/** A node that has just joined may not be connected yet. */
const AGAIN_MS = 5000;

const concerned = new Set(['node', 'group']);

export function cpuBaselines(parts: Parts): Task {
  const { store, env } = parts;
  let againMs = Number.POSITIVE_INFINITY;
  return {
    name: 'cpu-baselines',
    periodMs: 60_000,
    wants: ({ changes }) => changes.some(({ meta }) => concerned.has(meta.kind)),
    alarmMs: () => againMs,
    async run(signal) {
      againMs = Number.POSITIVE_INFINITY;
      for (const group of (await store.list('group')).items) {
        const { draft, failure } = await settle(parts, group, signal);
        if (failure !== undefined) againMs = env.clock.now() + AGAIN_MS;
        if (draft.empty) continue;
        await store.commit(draft.batch).catch((error: unknown) => {
          if (!(error instanceof Conflict)) throw error; // looked at anew at the next run, which the other commit causes
        });
      }
    },
  };
}
