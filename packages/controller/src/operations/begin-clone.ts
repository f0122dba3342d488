/**
 * `instance clone`, decided: one draft with the new instance and all its claims, as for one that is created, and the
 * source held for as long as its disks are being read.
 */
import type {
  Attachment,
  CloneInstance,
  Cluster,
  Guest,
  Instance,
  Node,
  NodeId,
  Operation,
  OperationId,
  PlacementDecision,
  Step,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { requireNameAgrees } from '../networks/check-name.ts';
import { nameSpace } from '../objects.ts';
import { claimHardware, lastEpoch } from '../placement/choose-node.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { bindingOf } from './begin-actions.ts';
import { bind, type Newborn, newInstance, requireNameFree } from './begin-create.ts';
import { deadlineFor } from './begin-move.ts';
import { copiedOf, hold, nodeThatCopies, ordersFor } from './clone-orders.ts';
import { cloneSpec, type Manner, mannerOf, nicsLike, placedLike } from './clone-parts.ts';
import { placeClone } from './clone-place.ts';
import { claimNics } from './create-nics.ts';
import { newReplicas } from './create-parts.ts';
import { theCluster } from './guest-spec.ts';
import { type CloneInput, cloneSteps } from './instance-clone.ts';
import { ensureMedia } from './media.ts';
import { addOperation } from './new-operation.ts';
import { stepsUntil, waitSteps } from './waits.ts';

export interface BegunClone {
  draft: Draft;
  operation: Operation;
  instance: Instance;
  guest: Guest;
  decision: PlacementDecision;
  attachments: Attachment[];
  manner: Manner;
  from: Node;
  to: Node;
  /** Allocated bytes of the source's disks, as last reported. */
  bytes: number;
}

/** @throws GantryError for everything that cannot be as asked; nothing is written here */
export async function beginClone(asking: Asking, source: Instance, body: CloneInstance): Promise<BegunClone> {
  const { app } = asking;
  const { store, env } = app;
  const held = await bindingOf(asking, source);
  const manner = mannerOf(source, held, body);
  const from = await nodeThatCopies(asking, source, held, manner);
  const cluster = await theCluster(store);
  const draft = new Draft(env.clock.now()).relyOn(cluster, from);
  const { newborn, labels, networks, copied } = await conceive(asking, draft, {
    source,
    held,
    body,
    manner,
    cluster,
  });
  const disks = copied.map(({ disk }) => disk);
  const bytes = copied.reduce(
    (sum, one) => sum + (one.here.status.allocatedBytes ?? one.disk.spec.sizeBytes),
    0,
  );
  const epoch = await lastEpoch(store);
  const place = { cluster, networks, disks, source: source.id, from, body, manner };
  const choice = await placeClone(asking, { ...newborn, ...labels }, place);
  const { decision, node: to, group, fit } = choice;
  draft.relyOn(to, group);
  claimHardware(draft, fit, newborn.id);
  const stopTimeoutMs = body.timeoutMs ?? held.spec.life.stopTimeoutMs;
  const before = { stopTimeoutMs: held.spec.life.stopTimeoutMs };
  const input: CloneInput = {
    source: source.id,
    sourceName: source.name,
    restart: manner.restart,
    ...before,
  };
  const operation = await addOperation(app, asking.caller, draft, {
    kind: 'instance.clone',
    target: newborn,
    steps: stepsOf(body, manner, decision, nowOf(env)),
    input: { ...input },
    deadlineMs: body.deadlineMs ?? deadlineFor(bytes, manner.restart ? stopTimeoutMs : 0),
    reason: body.reason,
  });
  const by = operation.id as OperationId;
  draft.batch.decision = { operation: by, decision };
  for (const disk of disks) draft.add(withSpec(disk, { createdBy: by }));
  const guest = await bind(app, draft, newborn, body, { disks, operation, epoch, ...choice });
  const instance = newInstance(env, labels, newborn, guest, operation);
  draft.add(instance).add(guest);
  const orders = ordersFor(asking, draft, { copied, source, instance, from, to, manner, operation: by });
  const parts = { instance, cluster, disks, networks, node: to.id as NodeId, operation };
  await newReplicas(app, draft, parts, (disk) => orders.get(disk.id) ?? {});
  await ensureMedia(app, draft, guest.spec.input.cds, { cluster, node: parts.node });
  hold(draft, source, held, { manner, copied, stopTimeoutMs, operation: by, instance: instance.id });
  const attachments = await newAttachments(app, draft, networks, to.id as NodeId);
  return { draft, operation, instance, guest, decision, attachments, manner, from, to, bytes };
}

interface Wish {
  source: Instance;
  /** Its binding. */
  held: Guest;
  body: CloneInstance;
  manner: Manner;
  cluster: Cluster;
}

/** The clone before a place is chosen: its name, its NICs with their claims, its disks. */
async function conceive(asking: Asking, draft: Draft, { source, held, body, manner, cluster }: Wish) {
  const { env } = asking.app;
  const project = source.project as NonNullable<Instance['project']>;
  await requireNameFree(asking, body.name, project);
  const flavor = body.flavor === undefined ? undefined : await resolve(asking, 'flavor', body.flavor);
  const target = { id: env.uuid(), name: body.name, project };
  draft.take(nameSpace('instance', project), body.name, target.id).relyOn(flavor);
  const resolved = body.nameCheck === false ? undefined : env.addressesOf(body.name);
  const nicWish = { ...body, nics: body.nics ?? nicsLike(source) } as Parameters<typeof claimNics>[1];
  const claimed = await claimNics(asking, nicWish, target.id, cluster.spec.macPrefix, draft);
  const nics = body.nics ? claimed.nics : placedLike(source, claimed);
  if (resolved) requireNameAgrees(body.name, await resolved, nics, claimed.networks, []);
  const copied = await copiedOf(asking, source, held, target, manner);
  const disks = copied.map(({ disk }) => disk);
  const { consistency } = manner;
  const newborn: Newborn = {
    ...target,
    spec: cloneSpec(asking, source, body, { flavor, nics, disks, consistency }),
  };
  const named = body.labels ?? source.labels;
  return { newborn, labels: named ? { labels: named } : {}, networks: claimed.networks, copied };
}

function stepsOf(
  { power, until }: CloneInstance,
  { restart }: Manner,
  { chosen, lookedAt }: PlacementDecision,
  now: string,
): Step[] {
  const waiting = (name: string): Step => ({ name, state: 'waiting' });
  return [
    {
      name: 'placed',
      state: 'done',
      detail: `${chosen?.name}, ${lookedAt} looked at`,
      startedAt: now,
      endedAt: now,
    },
    ...(restart ? [waiting(cloneSteps.stopped)] : []),
    waiting(cloneSteps.copied),
    ...(power === 'stopped' ? [waiting(waitSteps.defined)] : stepsUntil(until)),
  ];
}
