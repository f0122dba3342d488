/**
 * Empties nodes, move by move: looks at what is there, starts as many moves as were allowed, each placed anew on what the
 * cluster is by then. Nothing is kept here: a controller that was killed finds moves by the evacuation that they name.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type Instance,
  isGantryError,
  type Operation,
  operationEnded,
  requirePermitted,
  toProblem,
} from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { beginMove } from '../operations/begin-move.ts';
import { endEvent } from '../operations/end-event.ts';
import { requireIdle } from '../operations/new-operation.ts';
import { evacuationInput, look, type Sight } from '../operations/node-evacuate.ts';
import { Draft, withStatus } from '../store/batch.ts';
import { retrying } from '../store/conflict.ts';
import { eachRunning } from './each-running.ts';
import type { Task } from './task.ts';

type Parts = Pick<App, 'store' | 'env' | 'mirror'>;

const concerned = new Set(['operation', 'instance']);

export function evacuations(app: Parts): Task {
  return {
    name: 'evacuations',
    periodMs: 5000,
    wants: ({ changes }) => changes.some(({ meta }) => concerned.has(meta.kind)),
    run: () => eachRunning(app.store, 'node.evacuate', (id) => goOn(app, id)),
  };
}

async function goOn(app: Parts, id: string): Promise<void> {
  const operation = await app.store.get('operation', id);
  if (!operation || operationEnded(operation.status.state)) return;
  const outlook = look(operation, await see(app, operation), app.env.clock.now());
  if (!isDeepStrictEqual(outlook.operation.status, operation.status)) {
    const draft = new Draft(app.env.clock.now()).put(outlook.operation);
    if (operationEnded(outlook.operation.status.state))
      draft.batch.events.push(endEvent(outlook.operation, nowOf(app.env)));
    await app.store.commit(draft.batch);
  }
  for (const instance of outlook.next) await retrying(() => move(app, operation.id, instance.id));
}

async function see({ store }: Parts, operation: Operation): Promise<Sight> {
  const { node } = evacuationInput(operation);
  const here: Instance[] = [];
  for (const { spec } of (await store.list('guest', { node })).items) {
    const instance = await store.get('instance', spec.instance);
    if (instance?.status.node === node) here.push(instance);
  }
  const own = (each: Operation) => each.spec.input['evacuation'] === operation.id;
  const ids = new Set([
    ...here.map(({ id }) => id as string),
    ...operation.status.steps.flatMap(({ about }) => about ?? []),
  ]);
  const moves: Operation[] = [];
  for (const id of ids) moves.push(...(await movesOf(store, id)).filter(own));
  const busy = new Map<string, string>();
  for (const instance of here) {
    const why = await busyWith(store, instance);
    if (why !== undefined) busy.set(instance.id, why);
  }
  return { here, busy, moves };
}

/** Its turn comes when it is up or down, and nothing is under way. */
async function busyWith(store: Parts['store'], { status }: Instance): Promise<string | undefined> {
  const operation = status.operation && (await store.get('operation', status.operation));
  if (operation && !operationEnded(operation.status.state))
    return `operation ${operation.spec.number} is under way`;
  return onItsWay[status.state];
}

const onItsWay: Readonly<Partial<Record<Instance['status']['state'], string>>> = {
  starting: 'it is being started',
  stopping: 'it is being stopped',
};

const movesOf = async (store: Parts['store'], instance: string): Promise<Operation[]> =>
  (await store.list('operation', { owner: instance })).items.filter(
    ({ spec }) => spec.kind === 'instance.move',
  );

/** Begins one move, in the name of whoever asked for the evacuation; what stands against it becomes the end of its step. */
async function move(app: Parts, evacuation: string, id: string): Promise<void> {
  const operation = await app.store.get('operation', evacuation);
  const instance = await app.store.get('instance', id);
  if (!operation || !instance || operationEnded(operation.status.state)) return;
  // somebody may have moved it since it was looked at
  if (operation.spec.cancelRequested || instance.status.node !== evacuationInput(operation).node) return;
  const requester = { token: { name: operation.spec.requester } };
  try {
    await requireIdle(app.store, instance);
    if (onItsWay[instance.status.state]) return;
    requirePermitted('move', instance);
    const wishes = {
      stop: evacuationInput(operation).allowStop,
      reason: `evacuation ${operation.spec.number}`,
    };
    const { draft } = await beginMove(app, requester, instance, wishes, { evacuation });
    await app.store.commit(draft.relyOn(operation).batch);
  } catch (error) {
    // busy: its turn comes when the other operation has ended
    if (!isGantryError(error) || error.code === 'busy') {
      if (!isGantryError(error)) throw error;
      return;
    }
    await app.store.commit(new Draft(app.env.clock.now()).put(failed(operation, instance, error, app)).batch);
  }
}

function failed(operation: Operation, { id }: Instance, error: unknown, { env }: Parts): Operation {
  const endedAt = new Date(env.clock.now()).toISOString();
  const detail = toProblem(error).title.replaceAll(/\s*\n\s*/g, '; ');
  const steps = operation.status.steps.map((step) =>
    step.about === id ? { ...step, state: 'failed' as const, detail, endedAt } : step,
  );
  return withStatus(operation, { steps });
}
