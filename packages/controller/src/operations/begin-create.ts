/**
 * `instance create`, decided: everything wanted of the new instance in one draft: itself, its disks, its claims (name,
 * MACs, addresses), the operation, the placement decision, the binding with its epoch, replicas and attachments.
 */

import {
  type Attachment,
  type Cluster,
  type CreateInstance,
  type Disk,
  err,
  type Guest,
  type Instance,
  type InstanceSpec,
  type Network,
  type Nic,
  type NodeId,
  type Operation,
  type PlacementDecision,
  type Step,
} from '@gantry/model';
import { requirePeers } from '../api/affinity.ts';
import { requireBootAllowed } from '../api/boot-paths.ts';
import { type App, type Asking, resolve } from '../api/call.ts';
import { requireOsAllowed } from '../api/os-parameters.ts';
import { withMoves } from '../balancing/ways-by-moving.ts';
import { type Env, nowOf } from '../env.ts';
import { requireNameAgrees } from '../networks/check-name.ts';
import { COUNTERS, nameSpace, newObject } from '../objects.ts';
import { type Choice, chooseNode, claimHardware, lastEpoch } from '../placement/choose-node.ts';
import { networkTest } from '../placement/networks-there.ts';
import { NoPlace } from '../placement/no-place.ts';
import { peerOf } from '../placement/records.ts';
import { Draft, withStatus } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { requireBootable } from './boot-order.ts';
import { claimNics } from './create-nics.ts';
import { newDisks, newReplicas } from './create-parts.ts';
import { readSources, type Sources } from './create-sources.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { createSteps } from './instance-create.ts';
import { ensureMedia } from './media.ts';
import { addOperation } from './new-operation.ts';
import { projectOf } from './project-of.ts';
import { stepsUntil, waitSteps } from './waits.ts';

export interface Begun {
  draft: Draft;
  operation: Operation;
  instance: Instance;
  guest: Guest;
  decision: PlacementDecision;
  attachments: Attachment[];
}

/** The new instance before anything is decided about it. */
export type Newborn = Pick<Instance, 'id' | 'name' | 'project' | 'spec'>;

/** @throws GantryError for everything that cannot be as asked; nothing is written here */
export async function beginCreate(asking: Asking, body: CreateInstance): Promise<Begun> {
  const { app } = asking;
  const draft = new Draft(app.env.clock.now());
  const project = await projectOf(asking);
  await requireNameFree(asking, body.name, project);
  const cluster = await theCluster(app.store);
  const sources = await readSources(asking, body);
  const target = { id: app.env.uuid(), name: body.name, project };
  draft.take(nameSpace('instance', project), body.name, target.id).relyOn(sources.flavor, sources.image);
  requireBootAllowed(asking.caller, body.boot);
  requireOsAllowed(asking.caller, body.os);
  const resolved = body.nameCheck === false ? undefined : app.env.addressesOf(body.name);
  const { nics, networks } = await claimNics(asking, body, target.id, cluster.spec.macPrefix, draft);
  if (resolved) requireNameAgrees(body.name, await resolved, nics, networks, addressesGiven(body));
  const begun = await addOperation(app, asking.caller, draft, {
    kind: 'instance.create',
    target,
    steps: [],
    input: { power: body.power ?? 'running', until: body.until ?? 'running' },
    deadlineMs: body.deadlineMs,
    reason: body.reason,
  });
  const disks = newDisks(app.env, target, sources, begun.id);
  for (const disk of disks) draft.add(disk);
  const newborn = { ...target, spec: specOf(body, sources, nics, disks) };
  const epoch = await lastEpoch(app.store);
  const choice = await choose(asking, body, newborn, { cluster, disks, networks });
  const { decision, node, group, fit } = choice;
  draft.relyOn(node, group, cluster);
  claimHardware(draft, fit, target.id);
  draft.batch.decision = { operation: begun.id, decision };
  const details = { placed: placedDetail(decision), network: networkDetail(nics, networks) };
  const operation = withStatus(begun, { steps: stepsOf(body, nowOf(app.env), details) });
  draft.put(operation);
  const guest = await bind(app, draft, newborn, body, { disks, operation, epoch, ...choice });
  const instance = newInstance(app.env, body, newborn, guest, operation);
  draft.add(instance).add(guest);
  const nodeId = guest.spec.node;
  await newReplicas(app, draft, { instance, cluster, disks, networks, node: nodeId, operation });
  await ensureMedia(app, draft, guest.spec.input.cds, { cluster, node: nodeId });
  const attachments = await newAttachments(app, draft, networks, nodeId);
  return { draft, operation, instance, guest, decision, attachments };
}

interface Bound extends Choice {
  disks: Disk[];
  operation: Operation;
  /** The last one before this. */
  epoch: number;
}

/** The binding, with the next epoch. */
export async function bind(
  { store, env }: App,
  draft: Draft,
  newborn: Newborn,
  { addressCheck }: Pick<CreateInstance, 'addressCheck'>,
  { disks, node, fit, operation, epoch: number }: Bound,
): Promise<Guest> {
  draft.batch.counters.push({ name: COUNTERS.epoch, from: number, to: number + 1 });
  const input = guestInput(newborn, await readAncestry(store, newborn, node.id as NodeId, disks));
  const spec = guestSpec(input, {
    instance: newborn.id as Guest['spec']['instance'],
    fit,
    epoch: { incarnation: store.incarnation, number: number + 1 },
    power: newborn.spec.power,
    operation: operation.id as NonNullable<Guest['spec']['operation']>,
  });
  const probe = addressCheck === false ? [] : newborn.spec.nics.filter(hasAddress).map(({ mac }) => mac);
  const { name, project } = newborn;
  return newObject(env, 'guest', {
    name,
    project,
    spec: probe.length > 0 ? { ...spec, probe } : spec,
    status: { state: 'absent' },
  });
}

/** Named by the user; `pool` and `none` are no addresses. */
const addressesGiven = ({ nics = [] }: CreateInstance): string[] =>
  nics
    .flatMap(({ address, address6 }) => [address, address6])
    .filter((address): address is string => address !== undefined && /[.:]/.test(address));

const hasAddress = ({ ipv4, ipv6 }: Nic): boolean => (ipv4 ?? ipv6) !== undefined;

export function newInstance(
  env: Env,
  { labels }: Pick<CreateInstance, 'labels'>,
  newborn: Newborn,
  guest: Guest,
  operation: Operation,
): Instance {
  return newObject(env, 'instance', {
    ...newborn,
    labels,
    status: {
      state: 'creating',
      node: guest.spec.node,
      epoch: guest.spec.epoch,
      operation: operation.id as NonNullable<Instance['status']['operation']>,
      timeline: { submittedAt: nowOf(env), placedAt: nowOf(env) },
      conditions: [],
    },
  });
}

/** @throws GantryError `name_taken` */
export async function requireNameFree({ app }: Asking, name: string, project: string): Promise<void> {
  const named = await app.store.named('instance', name);
  if (named.some((instance) => instance.project === project))
    throw err('name_taken', { kind: 'instance', name });
}

/** `node1   best of 2 that fit, 3 looked at` */
function placedDetail({ chosen, lookedAt, verdicts }: PlacementDecision): string {
  const fit = verdicts.filter(({ rejections }) => rejections.length === 0).length;
  return `${chosen?.name}   best of ${fit} that fit, ${lookedAt} looked at`;
}

/** `nic0 default 192.168.77.2 52:54:00:1f:aa:09`; undefined without NICs. */
const networkDetail = (nics: Nic[], networks: Network[]): string | undefined =>
  nics
    .map(({ network, ipv4, ipv6, mac }, index) => {
      const name = networks.find(({ id }) => id === network)?.name ?? network;
      return `nic${index} ${name} ${[ipv4, ipv6].filter(Boolean).join(' ') || 'no address'} ${mac}`;
    })
    .join(', ') || undefined;

interface Details {
  placed: string;
  network: string | undefined;
}

function stepsOf({ power, until }: CreateInstance, now: string, details: Details): Step[] {
  const past = (name: string, detail?: string): Step => ({
    name,
    state: 'done',
    startedAt: now,
    endedAt: now,
    ...(detail ? { detail } : {}),
  });
  const end: Step[] =
    power === 'stopped' ? [{ name: waitSteps.defined, state: 'waiting' }] : stepsUntil(until);
  return [
    past(createSteps.submitted),
    past(createSteps.placed, details.placed),
    ...(details.network ? [past(createSteps.network, details.network)] : []),
    { name: createSteps.disk, state: 'waiting' },
    ...end,
  ];
}

function specOf(
  body: CreateInstance,
  { flavor, image, vcpus, memoryMiB, room, content, cds }: Sources,
  nics: InstanceSpec['nics'],
  disks: Disk[],
): InstanceSpec {
  const { extraSpecs } = flavor?.spec ?? {};
  const { properties } = image?.spec ?? {};
  return {
    ...(flavor ? { flavor: flavor.id as NonNullable<InstanceSpec['flavor']> } : {}),
    vcpus,
    memoryMiB,
    ...room,
    ...(extraSpecs ? { extraSpecs } : {}),
    ...(image ? { image: image.id as NonNullable<InstanceSpec['image']> } : {}),
    ...(properties ? { imageProperties: properties } : {}),
    ...(content.kind === 'os' ? { os: content.os } : {}),
    boot: body.boot ?? image?.spec.boot ?? defaultBoot(content),
    disks: disks.map(({ id }) => id as InstanceSpec['disks'][number]),
    nics,
    ...(cds.length > 0 ? { cds } : {}),
    ...(body.bootOrder ? { bootOrder: body.bootOrder } : {}),
    power: body.power ?? 'running',
    ...(body.guest ? { guest: body.guest } : {}),
    personality: { hostname: body.name, ...body.personality },
    ...(body.affinity ? { affinity: body.affinity } : {}),
    ...(body.protected === undefined ? {} : { protected: body.protected }),
  };
}

/** OS providers install neither kernel nor boot loader, as with Ganeti; of every other disk its own loader is asked. */
const defaultBoot = ({ kind }: Sources['content']): InstanceSpec['boot'] =>
  kind === 'os' ? { kernel: 'node', initrd: 'node' } : { kernel: 'disk' };

async function choose(
  asking: Asking,
  body: CreateInstance,
  newborn: Newborn,
  { cluster, disks, networks }: { cluster: Cluster; disks: Disk[]; networks: Network[] },
): Promise<Choice> {
  const { store, mirror, env } = asking.app;
  const input = guestInput(newborn, await readAncestry(store, newborn, undefined, disks));
  requireBootable(newborn.name, newborn.spec, input);
  const only = body.node === undefined ? undefined : (await resolve(asking, 'node', body.node)).id;
  const networksAt = await networkTest(store, networks);
  const newcomer = peerOf({ ...newborn, ...(body.labels ? { labels: body.labels } : {}) });
  await requirePeers(asking, body.affinity);
  const wanted = { newcomer, input, networks, networksAt, only };
  return chooseNode(mirror, cluster, wanted, env.clock.now()).catch(async (error: unknown) => {
    throw error instanceof NoPlace ? await withMoves(asking, wanted, error) : error;
  });
}
