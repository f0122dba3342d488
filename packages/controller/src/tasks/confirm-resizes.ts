/** Confirms resizes that nobody took back, where a policy says after how long. */
import { type Instance, operationEnded } from '@gantry/model';
import { type Env, nowOf } from '../env.ts';
import { confirmed } from '../operations/confirm-resize.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** A busy instance is looked at again after so long. */
const BUSY_MS = 10_000;

export function confirmResizes(store: Store, env: Env): Task {
  /** Instance id -> when, ms. */
  const due = new Map<string, number>();
  let known = false;
  let count = 0;
  const note = ({ id, spec }: Instance, there = true) => {
    const at = there ? spec.resize?.confirmsAt : undefined;
    if (at === undefined) due.delete(id);
    else due.set(id, Date.parse(at));
  };
  return {
    name: 'confirm-resizes',
    periodMs: 10 * 60_000,
    wants({ changes }) {
      for (const { object, op } of changes) if (object.kind === 'instance') note(object, op === 'put');
      return false;
    },
    alarmMs: () => Math.min(Number.POSITIVE_INFINITY, ...due.values()),
    async run() {
      if (!known) for (const instance of (await store.list('instance')).items) note(instance);
      known = true;
      const now = env.clock.now();
      for (const [id] of [...due].filter(([, at]) => at <= now)) {
        due.set(id, now + BUSY_MS);
        if (await confirm(store, env, id)) count += 1;
      }
    },
    status: () => ({ waiting: due.size, confirmed: count }),
  };
}

async function confirm(store: Store, env: Env, id: string): Promise<boolean> {
  const instance = await store.get('instance', id);
  if (!instance?.spec.resize || (await isBusy(store, instance))) return false;
  const { draft } = await confirmed({ store, env }, instance);
  const { name, project } = instance;
  draft.batch.events.push({
    at: nowOf(env),
    type: 'instance.resize-confirmed',
    level: 'info',
    subject: { kind: 'instance', id, name },
    ...(project ? { project } : {}),
    message: `the resize of instance ${name} is confirmed, as nobody took it back`,
  });
  try {
    await store.commit(draft.batch);
    return true;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    return false;
  }
}

async function isBusy(store: Store, { status }: Instance): Promise<boolean> {
  const operation = status.operation ? await store.get('operation', status.operation) : undefined;
  return operation !== undefined && !operationEnded(operation.status.state);
}
