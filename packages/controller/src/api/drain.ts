/** `node drain --plan` and `node evacuate`: what would become of each guest, and that it does. */
import {
  type DrainPlan,
  EVACUATION_PARALLEL,
  err,
  type Guest,
  type Instance,
  isGantryError,
  type Node,
  type NodeId,
  operationEnded,
  requirePermitted,
  type Step,
} from '@gantry/model';
import { whyNoNode } from '@gantry/placement';
import { disksOf, requireMovable } from '../operations/begin-move.ts';
import { guestInput, readAncestry, theCluster } from '../operations/guest-spec.ts';
import { addOperation } from '../operations/new-operation.ts';
import { candidatesOf } from '../placement/capacity.ts';
import { decide } from '../placement/choose-node.ts';
import { type Blocked, blockedBy, drainSteps, type Leaving } from '../placement/drain-plan.ts';
import { moveWish } from '../placement/move-wish.ts';
import { Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { begun, planned } from './begun.ts';
import { type Asking, type Handler, resolve } from './call.ts';
import { refOf } from './list.ts';

export const planDrain: Handler<'planDrain'> = async (call) => {
  const node = await resolve(call, 'node', refOf(call));
  return { body: await planFor(call, node) };
};

const DEADLINE_MS = 24 * 3_600_000;

/** Each move is placed again when its turn comes: the plan is what it would be now. */
export const evacuateNode: Handler<'evacuateNode'> = async (call) => {
  const { store, env } = call.app;
  const node = await resolve(call, 'node', refOf(call));
  const plan = await planFor(call, node);
  await requireIdleNode(store, node);
  const { allowStop = false, parallel = EVACUATION_PARALLEL, deadlineMs = DEADLINE_MS, reason } = call.body;
  const draft = new Draft(env.clock.now());
  const operation = await addOperation(call.app, call.caller, draft, {
    kind: 'node.evacuate',
    of: 'node',
    target: node,
    steps: plan.steps.map(({ name, instance }): Step => ({ name, about: instance, state: 'waiting' })),
    input: { node: node.id, allowStop, parallel, plan: plan.steps },
    deadlineMs,
    reason,
  });
  if (node.spec.role === 'active') draft.put(withSpec(node, { role: 'drained' }));
  else draft.relyOn(node);
  if (call.query.plan) return planned(call, draft, plan);
  return begun(call, { draft, operation }, node, `evacuate node ${node.name}`);
};

/** @throws GantryError `busy` */
async function requireIdleNode(store: Store, { id, name }: Node): Promise<void> {
  const { items } = await store.list('operation', { owner: id });
  const active = items.find(({ status }) => !operationEnded(status.state));
  if (active) throw err('busy', { kind: 'node', name, operation: active.spec.number });
}

async function planFor({ app }: Pick<Asking, 'app'>, node: Node): Promise<DrainPlan> {
  const { store, mirror } = app;
  const cluster = await theCluster(store);
  const leaving: Leaving[] = [];
  for (const guest of (await store.list('guest', { node: node.id })).items) {
    const one = await readLeaving(store, guest);
    if (one) leaving.push(one);
  }
  const steps = await mirror.read((view) => {
    // disks and settings of a guest are its group’s: it stays in it
    const others = candidatesOf(view, cluster).filter(
      (each) => each.node.id !== node.id && each.node.spec.group === node.spec.group,
    );
    return drainSteps(leaving, others, decide, (decision) => ({
      why: `no other node of its group can take it: ${whyNoNode(decision)}`,
      remedy: 'Add a node to the group, or free resources on one.',
    }));
  });
  return { node: node.id as NodeId, name: node.name, role: node.spec.role, steps };
}

async function readLeaving(store: Store, guest: Guest): Promise<Leaving | undefined> {
  const { spec } = guest;
  const instance = await store.get('instance', spec.instance);
  // one that is on its way here, or left behind, is not bound here
  if (!instance || instance.status.node !== spec.node) return undefined;
  const blocked =
    (await underWay(store, instance)) ?? openResize(instance) ?? (await refusalOf(store, instance, guest));
  const input = guestInput(instance, await readAncestry(store, instance, spec.node));
  return {
    instance,
    wanted: await moveWish(store, instance, input),
    ...(blocked ? { blocked } : {}),
  };
}

async function underWay(store: Store, { status }: Instance): Promise<Blocked | undefined> {
  const operation = status.operation && (await store.get('operation', status.operation));
  if (!operation || operationEnded(operation.status.state)) return undefined;
  const { number } = operation.spec;
  return {
    why: `operation ${number} is under way`,
    remedy: `It can go when that has ended: \`gantry op watch ${number}\`.`,
  };
}

const openResize = ({ name, spec }: Instance): Blocked | undefined =>
  spec.resize && {
    why: 'its resize is neither confirmed nor reverted',
    remedy: `Decide: \`gantry instance resize ${name} --confirm\` or \`--revert\`.`,
  };

/** All that its move would be refused for, whatever node it went to. */
async function refusalOf(store: Store, instance: Instance, guest: Guest): Promise<Blocked | undefined> {
  try {
    requirePermitted('move', instance);
    const from = await store.get('node', guest.spec.node);
    if (from) requireMovable(instance, guest, from, { stop: true });
    await disksOf(store, instance, guest);
    return undefined;
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return blockedBy(error, instance);
  }
}
