/**
 * Makes clusters even, one move after the other. Each is looked at again when its turn comes: what does not improve the
 * cluster any more, or is not possible any more, is passed over, and the rest is planned anew. Nothing is kept here: a
 * controller that was killed finds the moves by the balancing that they name.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Instance, isGantryError, type Operation, operationEnded, toProblem } from '@gantry/model';
import { gainOf } from '@gantry/placement';
import type { App } from '../api/call.ts';
import { readLive } from '../balancing/live.ts';
import { planBalancing } from '../balancing/plan.ts';
import { nowOf } from '../env.ts';
import { beginMove } from '../operations/begin-move.ts';
import {
  type BalanceInput,
  balanceInput,
  leftToPlan,
  lookAtBalance,
  passedOver,
  replanned,
} from '../operations/cluster-balance.ts';
import { endEvent } from '../operations/end-event.ts';
import { concluded } from '../operations/node-evacuate.ts';
import { Draft } from '../store/batch.ts';
import { eachRunning } from './each-running.ts';
import type { Task } from './task.ts';

type Parts = Pick<App, 'store' | 'env' | 'mirror'>;

const concerned = new Set(['operation']);

export function balances(app: Parts): Task {
  return {
    name: 'balances',
    periodMs: 5000,
    wants: ({ changes }) => changes.some(({ meta }) => concerned.has(meta.kind)),
    run: () => eachRunning(app.store, 'cluster.balance', (id) => goOn(app, id)),
  };
}

/** One step on; the commit of each wakes the task for the next. */
async function goOn(app: Parts, id: string): Promise<void> {
  const operation = await app.store.get('operation', id);
  if (!operation || operationEnded(operation.status.state)) return;
  const outlook = lookAtBalance(operation, await movesOf(app, operation), app.env.clock.now());
  if (!isDeepStrictEqual(outlook.operation.status, operation.status)) return put(app, outlook.operation);
  if (outlook.next !== undefined) return begin(app, operation, outlook.next);
  const open = operation.status.steps.some(({ state }) => state === 'running' || state === 'waiting');
  if (!open) await planAnew(app, operation);
}

async function put(app: Parts, operation: Operation): Promise<void> {
  const draft = new Draft(app.env.clock.now()).put(operation);
  if (operationEnded(operation.status.state)) draft.batch.events.push(endEvent(operation, nowOf(app.env)));
  await app.store.commit(draft.batch);
}

async function movesOf({ store }: Parts, { id, status }: Operation): Promise<Operation[]> {
  const instances = new Set(status.steps.flatMap(({ about }) => about ?? []));
  const found: Operation[] = [];
  for (const owner of instances) found.push(...(await store.list('operation', { owner })).items);
  return found.filter(({ spec }) => spec.kind === 'instance.move' && spec.input['balance'] === id);
}

/** The rest of what was asked, where the cluster has become another one. */
async function planAnew(app: Parts, operation: Operation): Promise<void> {
  const left = leftToPlan(operation);
  const { moves } = left ? await planBalancing(app, { ...balanceInput(operation), ...left }) : { moves: [] };
  const again = moves.length > 0 && !(await anyEvacuation(app, balanceInput(operation).group));
  await put(app, again ? replanned(operation, moves) : concluded(operation, nowOf(app.env)));
}

/** Begins one move, in the name of whoever asked for it; what stands against it becomes the end of its step. */
async function begin(app: Parts, operation: Operation, index: number): Promise<void> {
  const input = balanceInput(operation);
  const planned = input.plan[index];
  const instance = planned && (await app.store.get('instance', planned.instance));
  try {
    if (!planned || !instance) throw new PassOver('it is not there any more');
    await requireStillGood(app, input, instance, planned);
    const requester = { token: { name: operation.spec.requester } };
    const node = await app.store.get('node', planned.to);
    if (!node) throw new PassOver('the node is not there any more');
    const wishes = { node, stop: input.stop, reason: `balancing ${operation.spec.number}` };
    const { draft } = await beginMove(app, requester, instance, wishes, {
      balance: operation.id,
      step: String(index),
    });
    await app.store.commit(draft.relyOn(operation).batch);
  } catch (error) {
    if (!(error instanceof PassOver) && !isGantryError(error)) throw error;
    const why = error instanceof PassOver ? error.message : toProblem(error).title;
    await put(app, passedOver(operation, index, why.replaceAll(/\s*\n\s*/g, '; '), nowOf(app.env)));
  }
}

/** A move that is left out, with the reason. */
class PassOver extends Error {}

/** @throws PassOver where on the cluster of this moment it would not be planned */
async function requireStillGood(
  app: Parts,
  { stop, minGain }: BalanceInput,
  instance: Instance,
  planned: BalanceInput['plan'][number],
): Promise<void> {
  const node = instance.status.node && (await app.store.get('node', instance.status.node));
  if (!node || node.id !== planned.from)
    throw new PassOver(`it is on ${node ? node.name : 'no node'} by now`);
  const evacuation = await anyEvacuation(app, node.spec.group);
  if (evacuation)
    throw new PassOver(`${evacuation.spec.target.name} is being emptied: operation ${evacuation.name}`);
  const { live } = await readLive(app, { stop, instance: instance.id });
  const held = live.guests.find(({ peer }) => peer.id === instance.id)?.held;
  if (held !== undefined) throw new PassOver(held);
  const gain = gainOf(live, instance.id, planned.to);
  if (gain === undefined || gain < minGain)
    throw new PassOver('the cluster has changed: it would not help any more');
}

/** One that is under way in the group, or anywhere. */
export async function anyEvacuation(
  { store }: Pick<Parts, 'store'>,
  group: string | undefined,
): Promise<Operation | undefined> {
  const { items } = await store.list('operation', { states: ['running'] });
  for (const operation of items.filter(({ spec }) => spec.kind === 'node.evacuate')) {
    const node = await store.get('node', operation.spec.target.id);
    if (group === undefined || node?.spec.group === group) return operation;
  }
  return undefined;
}
