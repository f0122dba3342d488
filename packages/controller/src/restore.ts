/**
 * `gantry server restore --state DIR`: a store that was backed up becomes one that may be used. Since then guests may have
 * been made, deleted, moved, started, and it knows nothing of that. So it becomes a new incarnation in which every
 * guest is held: reported by its node and otherwise left alone, until tasks/settle-restored.ts has heard what is
 * true. No disk is made, nothing is removed, and what was under way counts as failed.
 */
import {
  compareEpochs,
  err,
  type Guest,
  type Operation,
  operationEnded,
  type Replica,
  toProblem,
} from '@gantry/model';
import { type Env, nowOf } from './env.ts';
import { COUNTERS } from './objects.ts';
import { isBinding } from './operations/binding.ts';
import { endEvent } from './operations/end-event.ts';
import { Draft, withSpec, withStatus } from './store/batch.ts';
import { SqliteStore } from './store/sqlite-store.ts';

export interface Restored {
  cluster: { id: string; name: string };
  incarnation: number;
  instances: number;
  /** Operations that were under way, which count as failed now. */
  operations: number;
}

/** @throws GantryError `store_unusable`, `store_locked` */
export async function restoreStore(path: string, env: Env): Promise<Restored> {
  const backup = new SqliteStore(path);
  // Above every incarnation that anybody has seen: the same backup may be restored twice.
  await backup.beginNewIncarnation(Math.floor(env.clock.now() / 1000));
  await backup.close();
  const store = new SqliteStore(path);
  try {
    return await holdAll(store, env);
  } finally {
    await store.close();
  }
}

/** In one commit: a crash leaves a backup. */
async function holdAll(store: SqliteStore, env: Env): Promise<Restored> {
  const at = nowOf(env);
  const draft = new Draft(env.clock.now());
  const all = async <K extends Parameters<typeof store.list>[0]>(kind: K) => (await store.list(kind)).items;
  const [cluster] = await all('cluster');
  if (!cluster) throw err('store_unusable', { why: 'it is the store of no cluster' });
  const last = await store.counter(COUNTERS.epoch);
  // the two ends of a move keep their order
  const guests = (await all('guest')).toSorted((a, b) => compareEpochs(a.spec.epoch, b.spec.epoch));
  const instances = await all('instance');
  const bound = new Map<string, Guest>();
  for (const [index, guest] of guests.entries()) {
    const next = held(guest, { incarnation: store.incarnation, number: last + 1 + index });
    const instance = instances.find(({ id }) => id === guest.spec.instance);
    if (instance && isBinding(guest, instance)) bound.set(instance.id, next);
    draft.put(next);
  }
  draft.batch.counters.push({ name: COUNTERS.epoch, from: last, to: last + guests.length });
  for (const replica of await all('replica')) if (replica.spec.what === 'disk') draft.put(kept(replica));
  for (const act of await all('act')) draft.remove(act);
  const open = (await all('operation')).filter(({ status }) => !operationEnded(status.state));
  for (const operation of open.map((one) => ended(one, at))) {
    draft.put(operation);
    draft.batch.events.push(endEvent(operation, at));
  }
  for (const instance of instances) {
    const { operation: _over, ...status } = instance.status;
    const epoch = bound.get(instance.id)?.spec.epoch ?? status.epoch;
    draft.put({
      ...instance,
      status: { ...status, ...(epoch ? { epoch } : {}), state: 'unknown', reason: RESTORED },
    });
  }
  const { id, name } = cluster;
  const message = `the store was restored from a backup; ${instances.length} instances are held until their nodes have told of them`;
  const event = { at, type: 'cluster.restored', level: 'warn' as const, actor: 'restore', message };
  draft.batch.events.push({ ...event, subject: { kind: 'cluster', id, name } });
  await store.commit(draft.batch);
  return {
    cluster: { id, name },
    incarnation: store.incarnation,
    instances: instances.length,
    operations: open.length,
  };
}

const RESTORED = 'the store was restored from a backup, and its node has not told of it yet';

/**
 * Nothing that was to be removed then is removed now, and nothing that was to be done once is done again: whoever still
 * wants it says so again.
 */
const held = (guest: Guest, epoch: Guest['spec']['epoch']): Guest => {
  const {
    operation: _over,
    copies: _copies,
    bootOnce: _boot,
    plug: _plug,
    force: _force,
    ...kept
  } = guest.spec;
  // a stop of one that goes on meanwhile would save it again
  const memory = kept.memory === 'save' ? { memory: 'restore' as const } : {};
  return {
    ...withSpec(guest, {}),
    spec: { ...kept, ...memory, held: true, remove: false, epoch },
    status: { state: 'unknown', reason: RESTORED },
  };
};

/** Nor is anything sent, received or copied any more: the operations that wanted it are over. */
function kept(replica: Replica): Replica {
  if (replica.spec.what !== 'disk') return replica;
  const { send: _send, receive: _receive, copy: _copy, ...spec } = replica.spec;
  return { ...withSpec(replica, {}), spec: { ...spec, desired: 'present', made: true } };
}

const ended = (operation: Operation, at: string): Operation =>
  withStatus(operation, {
    state: 'failed',
    endedAt: at,
    error: toProblem(err('restored')),
    steps: operation.status.steps.map((step) =>
      step.state === 'running' ? { ...step, state: 'failed' } : step,
    ),
  });
