/**
 * `instance move`, decided: one draft with the operation, the source told to go down and send, and all that is to come
 * to the target: its guest in the role `receive`, which is never started, replicas that wait for the copies, attachments,
 * bases and claims. The room at the target is taken from this commit on.
 */
import { createHash } from 'node:crypto';
import { checkCombination, requirements } from '@gantry/guest';
import {
  type Cluster,
  type DiskReplicaSpec,
  type DiskSend,
  err,
  type Guest,
  type Instance,
  type MoveInstance,
  type Node,
  type NodeId,
  type OperationId,
  type PlacementDecision,
  type Replica,
  type Step,
} from '@gantry/model';
import type { App } from '../api/call.ts';
import { COUNTERS, newObject } from '../objects.ts';
import type { Candidate } from '../placement/capacity.ts';
import { type Choice, chooseNode, claimHardware, lastEpoch } from '../placement/choose-node.ts';
import { moveWish } from '../placement/move-wish.ts';
import { Draft, withSpec, withStatus } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { newAttachments } from './attachments.ts';
import { bindingOf } from './begin-actions.ts';
import { ensureBase } from './create-parts.ts';
import { type Ancestry, guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { type MoveInput, moveSteps } from './instance-move.ts';
import { ensureMedia } from './media.ts';
import { addOperation, DEFAULT_DEADLINE_MS, type Requester } from './new-operation.ts';
import { endedForGood } from './view.ts';
import { waitSteps } from './waits.ts';
import { wholeReplica } from './whole-replica.ts';

export interface BegunMove {
  draft: Draft;
  operation: Awaited<ReturnType<typeof addOperation>>;
  decision: PlacementDecision;
  from: Node;
  to: Node;
  /** It is up, and stopped for it. */
  goesDown: boolean;
  /** It is started there. */
  restart: boolean;
  /** Allocated bytes of its disks, as last reported: what is copied. */
  bytes: number;
  /** Kept in the target's guest. */
  fit: Guest['spec']['fit'];
}

type MoveApp = Pick<App, 'store' | 'env' | 'mirror'>;

export type MoveWishes = Omit<MoveInstance, 'node'> & { node?: Node };

const up: readonly string[] = ['running', 'paused', 'starting', 'stopping'];

/**
 * @param more kept with the operation
 * @throws GantryError for everything that cannot be as asked; nothing is written here
 */
export async function beginMove(
  app: MoveApp,
  requester: Requester,
  instance: Instance,
  wishes: MoveWishes,
  more: Record<string, string> = {},
): Promise<BegunMove> {
  const { store } = app;
  const source = await bindingOf({ app }, instance);
  const from = await nodeOf(store, source);
  requireMovable(instance, source, from, wishes);
  const disks = await disksOf(store, instance, source);
  const cluster = await theCluster(store);
  const epoch = await lastEpoch(store);
  const choice = await choose(app, cluster, { instance, from, wishes });
  const { node: to, group, decision, fit } = choice;
  const goesDown = up.includes(instance.status.state);
  // one that is up against its owner's wish (a start that was given up and came all the same) is not started again
  const restart = instance.spec.power === 'running' && !endedForGood(source);
  const bytes = bytesOf(disks);
  const draft = new Draft(app.env.clock.now()).relyOn(to, group, cluster, from);
  const stopTimeoutMs = wishes.timeoutMs ?? source.spec.life.stopTimeoutMs;
  const before = { stopTimeoutMs: source.spec.life.stopTimeoutMs };
  const ends = { from: from.id, to: to.id, fromName: from.name, toName: to.name };
  const input: MoveInput = { ...ends, restart, ...before };
  const operation = await addOperation(app, requester, draft, {
    kind: 'instance.move',
    target: instance,
    steps: stepsOf(restart, choice),
    input: { ...input, ...more },
    deadlineMs: wishes.deadlineMs ?? deadlineFor(bytes, goesDown ? stopTimeoutMs : 0),
    reason: wishes.reason,
  });
  draft.batch.decision = { operation: operation.id, decision };
  const parts = { app, draft, instance, source, cluster, choice, operation, disks, from };
  const ancestry = await readAncestry(store, instance, to.id as NodeId);
  addIncoming(parts, ancestry, epoch);
  await orderCopies(parts);
  await ensureMedia(app, draft, ancestry.cds, { cluster, node: to.id as NodeId });
  await newAttachments(app, draft, ancestry.networks, to.id as NodeId);
  goDown(parts, { goesDown, restart, stopTimeoutMs, force: wishes.force ?? false });
  return { draft, operation, decision, from, to, goesDown, restart, bytes, fit };
}

/** The source is told to, also where the guest is down already: it must not come up any more. */
function goDown(
  { draft, source, instance, operation: { id } }: Parts,
  how: { goesDown: boolean; restart: boolean; stopTimeoutMs: number; force: boolean },
): void {
  const operation = id as OperationId;
  const life = { ...source.spec.life, stopTimeoutMs: how.stopTimeoutMs };
  draft.put(withSpec(source, { power: 'stopped', force: how.force, life, operation }));
  const marked = withStatus(instance, { operation, ...(how.goesDown ? { state: 'stopping' } : {}) });
  draft.put(how.restart ? marked : withSpec(marked, { power: 'stopped' }));
}

async function nodeOf(store: Store, { spec }: Guest): Promise<Node> {
  const node = await store.get('node', spec.node);
  if (!node) throw err('not_found', { kind: 'node', name: spec.node });
  return node;
}

/** @throws GantryError `resize_pending`, `move_needs_stop`, `invalid_argument`, `not_supported`, `wrong_state` */
export function requireMovable(instance: Instance, { spec }: Guest, from: Node, wishes: MoveWishes): void {
  const { name, status } = instance;
  const { resize } = instance.spec;
  if (resize) throw err('resize_pending', { name, at: resize.at });
  if (wishes.node?.id === from.id)
    throw err('invalid_argument', { what: `node ${from.name}`, wanted: 'another node than its own' });
  if (up.includes(status.state) && !wishes.stop) throw err('move_needs_stop', { name, state: status.state });
  const { extraSpecs, imageProperties } = spec.input;
  if (extraSpecs['hw:tpm_version'] ?? imageProperties['hw_tpm_version'])
    throw err('not_supported', {
      what: 'moving a guest with a TPM',
      instead: 'The state of its TPM lies in libvirt of its node and would be lost.',
    });
  if (from.status.state !== 'ready' || !from.status.facts?.capabilities.includes('disk:send'))
    throw err('wrong_state', {
      kind: 'node',
      name: from.name,
      state: from.status.state === 'ready' ? 'without certificates or an older agent' : from.status.state,
      action: `send the disks of ${name}`,
      permitted: 'Its agent must run, know of moves, and have certificates of the cluster.',
    });
}

/** Its disks with their replicas at the source. @throws GantryError `wrong_state` where one is not whole */
export async function disksOf(store: Store, instance: Instance, source: Guest) {
  const { items } = await store.list('disk', { owner: instance.id });
  const held = [];
  for (const disk of items.toSorted((a, b) => a.spec.index - b.spec.index)) {
    held.push({ disk, here: await wholeReplica(store, disk, source.spec.node, 'move it') });
  }
  return held;
}

export type Held = Awaited<ReturnType<typeof disksOf>>;

/** What is copied: as last reported. */
export const bytesOf = (disks: Held): number =>
  disks.reduce((sum, { here }) => sum + (here.status.allocatedBytes ?? here.spec.sizeBytes), 0);

interface Parts {
  app: MoveApp;
  draft: Draft;
  instance: Instance;
  source: Guest;
  cluster: Cluster;
  choice: Choice;
  operation: BegunMove['operation'];
  disks: Held;
  from: Node;
}

async function choose(
  app: MoveApp,
  cluster: Cluster,
  { instance, from, wishes }: { instance: Instance; from: Node; wishes: MoveWishes },
): Promise<Choice> {
  const { node } = wishes;
  // what waits for its next start it takes at the target
  const input = guestInput(instance, await readAncestry(app.store, instance, from.id as NodeId));
  const wanted = await moveWish(app.store, instance, input);
  // disks and settings of a guest are its group's: it stays in it unless somebody names another node
  const among = (each: Candidate) =>
    node ? each.node.id === node.id : each.node.id !== from.id && each.node.spec.group === from.spec.group;
  const now = app.env.clock.now();
  return chooseNode(app.mirror, cluster, { ...wanted, only: node?.id }, now, among);
}

/** The guest at the target, with the next epoch. */
function addIncoming(parts: Parts, ancestry: Ancestry, lastNumber: number): void {
  const { app, draft, instance, source, choice, operation } = parts;
  const input = guestInput(instance, ancestry);
  checkCombination(input);
  requirements(input);
  draft.batch.counters.push({ name: COUNTERS.epoch, from: lastNumber, to: lastNumber + 1 });
  claimHardware(draft, choice.fit, instance.id);
  const spec = guestSpec(input, {
    instance: source.spec.instance,
    fit: choice.fit,
    epoch: { incarnation: app.store.incarnation, number: lastNumber + 1 },
    power: 'stopped',
    operation: operation.id as OperationId,
  });
  const { name, project } = instance;
  draft.add(
    newObject(app.env, 'guest', {
      name,
      project,
      spec: { ...spec, role: 'receive' },
      status: { state: 'absent' },
    }),
  );
}

/** One ticket for each disk: who shows it, from the source, may bring this disk to the target once. */
async function orderCopies({
  app,
  draft,
  cluster,
  choice,
  operation,
  disks,
  from,
  source,
}: Parts): Promise<void> {
  const { node: to } = choice;
  const at = to.status.facts?.transfer;
  if (!at) throw err('internal', { why: `node ${to.name} was chosen, and takes no disks` });
  for (const [index, { disk, here }] of disks.entries()) {
    const ticket = Buffer.from(app.env.randomBytes(32)).toString('base64url');
    const withGuest = index === 0 ? { guest: source.spec.instance } : {};
    const send: DiskSend = {
      to: to.id as NodeId,
      name: to.name,
      at,
      ticket,
      operation: operation.id as OperationId,
      ...withGuest,
    };
    draft.put(withSpec(here, { send }) as Replica);
    const { os: _os, send: _send, ...made } = here.spec;
    // how it came to be here, perhaps as a clone's copy, is not how it comes to be there
    const { receive: _receive, copy: _copy, renamed: _renamed, ...common } = made;
    const spec: DiskReplicaSpec = {
      ...common,
      node: to.id as NodeId,
      desired: 'present',
      operation: operation.id as OperationId,
      receive: { from: from.id as NodeId, ticketSha256: sha256(ticket), ...withGuest },
    };
    draft.add(newObject(app.env, 'replica', { name: disk.name, spec, status: { state: 'pending' } }));
    await ensureBase(app, draft, disk, { cluster, node: to.id as NodeId });
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function stepsOf(restart: boolean, { decision }: Choice): Step[] {
  const placed = `${decision.chosen?.name}, ${decision.lookedAt} looked at`;
  const waiting = (name: string): Step => ({ name, state: 'waiting' });
  return [
    { name: 'placed', state: 'done', detail: placed },
    waiting(moveSteps.stopped),
    waiting(moveSteps.copied),
    waiting(moveSteps.handedOver),
    waiting(restart ? waitSteps.running : waitSteps.defined),
    waiting(moveSteps.cleared),
  ];
}

/** A slow disk and a busy wire: 8 MiB/s at least is counted on. */
export const deadlineFor = (bytes: number, stopMs: number): number =>
  DEFAULT_DEADLINE_MS + stopMs + Math.ceil(bytes / (8 * 2 ** 20)) * 1000;
