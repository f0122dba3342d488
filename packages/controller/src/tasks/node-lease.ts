import { type Condition, err, formatMs, type Node, toProblem } from '@gantry/model';
import { type Env, timestamp } from '../env.ts';
import { rederive } from '../reports/derive-touched.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** A node reports every 10 s at least; after so long without any it counts as lost. */
export const LOST_AFTER_MS = 45_000;

/**
 * Nodes that are not heard of become `lost`, and what runs there `unknown`. Nothing is done about it: where a guest runs
 * only the node can say. Time before this controller's own start does not count against a node.
 */
export function nodeLease(store: Store, env: Env): Task {
  const startedMs = env.clock.now();
  return {
    name: 'node-lease',
    periodMs: 5000,
    async run() {
      const now = env.clock.now();
      for (const node of (await store.list('node')).items) {
        if (node.status.state === 'lost' || node.status.state === 'joining') continue;
        const seenMs = (await store.seen(node.id))?.atMs ?? 0;
        const silentMs = now - Math.max(seenMs, startedMs);
        if (silentMs < LOST_AFTER_MS) continue;
        await lose(store, node, now, silentMs).catch((error: unknown) => {
          // it was heard of meanwhile
          if (!(error instanceof Conflict)) throw error;
        });
      }
    },
  };
}

async function lose(store: Store, node: Node, now: number, silentMs: number): Promise<void> {
  const seen = await store.seen(node.id);
  const draft = new Draft(now);
  const problem = toProblem(err('node_unreachable', { node: node.name, ago: formatMs(silentMs) }));
  const since = timestamp(now);
  const gone: Condition = {
    type: 'Heard',
    status: 'false',
    reason: 'NoHeartbeat',
    message: problem.title,
    since,
  };
  const conditions = [...node.status.conditions.filter(({ type }) => type !== 'Heard'), gone];
  draft.put({ ...node, status: { ...node.status, state: 'lost', conditions } });
  for (const guest of (await store.list('guest', { node: node.id })).items)
    await rederive({ store }, draft, guest, true);
  const subject = { kind: 'node', id: node.id, name: node.name };
  draft.batch.events.push({ at: since, type: 'node.lost', level: 'error', subject, message: problem.title });
  if (seen) draft.batch.seen = { row: seen, after: seen };
  await store.commit(draft.batch);
}
