/** A new operation on an instance, and the number that people call it by. */
import {
  type Disk,
  err,
  type Instance,
  type Operation,
  type OperationKind,
  operationEnded,
  type Step,
} from '@gantry/model';
import { actorOf } from '../api/caller.ts';
import { type Env, nowOf, timestamp } from '../env.ts';
import { COUNTERS, newObject } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

export const DEFAULT_DEADLINE_MS = 10 * 60_000;

/** Who asks: a caller, or an operation in the name of its own requester. */
export type Requester = Parameters<typeof actorOf>[0];

interface Wanted {
  /** Where something names it before it is there. */
  id?: string | undefined;
  kind: OperationKind;
  target: Pick<Instance, 'id' | 'name' | 'project'>;
  /** Default: an instance. */
  of?: 'disk' | 'node' | 'group' | 'cluster';
  steps: Step[];
  input: Record<string, unknown>;
  deadlineMs?: number | undefined;
  reason?: string | undefined;
}

/**
 * Adds it to the draft, with the next number. The number is a sequence that the commit compares and sets, so of two
 * requests that were decided on the same state one is decided again.
 */
export async function addOperation(
  { store, env }: { store: Store; env: Env },
  requester: Requester,
  draft: Draft,
  wanted: Wanted,
): Promise<Operation> {
  const last = await store.counter(COUNTERS.operation);
  const deadlineMs = wanted.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const { kind, target, input, reason } = wanted;
  const operation = newObject(env, 'operation', {
    ...(wanted.id ? { id: wanted.id } : {}),
    name: String(last + 1),
    project: target.project,
    spec: {
      number: last + 1,
      kind,
      target: { kind: wanted.of ?? 'instance', id: target.id, name: target.name },
      requester: actorOf(requester),
      ...(reason ? { reason } : {}),
      deadline: timestamp(env.clock.now() + deadlineMs),
      deadlineMs,
      input,
    },
    status: { state: 'running', steps: begun(wanted.steps, nowOf(env)), attempts: 1 },
  });
  draft.batch.counters.push({ name: COUNTERS.operation, from: last, to: last + 1 });
  draft.add(operation);
  return operation;
}

/** The first step that waits begins now. */
function begun(steps: Step[], at: string): Step[] {
  const first = steps.findIndex((step) => step.state === 'waiting');
  return steps.map((step, index) => (index === first ? { ...step, state: 'running', startedAt: at } : step));
}

/**
 * Nothing may begin between reading who uses something and deleting it: call it before reading.
 */
export async function relyOnNoNewOperation(store: Store, draft: Draft): Promise<void> {
  const last = await store.counter(COUNTERS.operation);
  draft.batch.counters.push({ name: COUNTERS.operation, from: last, to: last });
}

/** @throws GantryError `busy` */
export async function requireIdle(store: Store, instance: Instance): Promise<void> {
  const id = instance.status.operation;
  const operation = id && (await store.get('operation', id));
  if (operation && !operationEnded(operation.status.state))
    throw err('busy', { kind: 'instance', name: instance.name, operation: operation.spec.number });
}

/** @throws GantryError `busy` while an operation grows it */
export async function requireDiskIdle(store: Store, disk: Disk): Promise<void> {
  const { items } = await store.list('operation', { owner: disk.id, states: ['running', 'cleaning'] });
  const operation = items[0];
  if (operation) throw err('busy', { kind: 'disk', name: disk.name, operation: operation.spec.number });
}
