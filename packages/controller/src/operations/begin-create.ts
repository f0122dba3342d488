/**
 * `instance create`, decided: everything wanted of the new instance in one draft: itself, its disks, its claims (name,
 * MACs, addresses), the operation, the placement decision, the binding with its epoch, replicas and attachments.
 */

import { requirements } from '@gantry/guest';
import {
  type Attachment,
  type CreateInstance,
  err,
  type Guest,
  type Instance,
  type InstanceSpec,
  type Operation,
  type PlacementDecision,
  type ProjectId,
  type Step,
} from '@gantry/model';
import { place, refusal } from '@gantry/placement';
import { type Asking, resolve } from '../api/call.ts';
import { readCapacities } from '../capacity.ts';
import { nowOf } from '../env.ts';
import { COUNTERS, nameSpace, newObject } from '../objects.ts';
import { Draft } from '../store/batch.ts';
import { claimNics } from './create-nics.ts';
import { newAttachments, newDisks, newReplicas } from './create-parts.ts';
import { readSources, type Sources } from './create-sources.ts';
import { guestInput, guestSpec, readAncestry, theCluster } from './guest-spec.ts';
import { createSteps } from './instance-create.ts';
import { addOperation } from './new-operation.ts';
import { stepsUntil, waitSteps } from './waits.ts';

export interface Begun {
  draft: Draft;
  operation: Operation;
  instance: Instance;
  decision: PlacementDecision;
  attachments: Attachment[];
}

/** @throws GantryError for everything that cannot be as asked; nothing is written here */
export async function beginCreate(asking: Asking, body: CreateInstance): Promise<Begun> {
  const { store, env } = asking.app;
  const draft = new Draft(env.clock.now());
  const project = await projectOf(asking);
  await requireNameFree(asking, body.name, project);
  const cluster = await theCluster(store);
  const sources = await readSources(asking, body);
  const id = env.uuid() as Guest['spec']['instance'];
  const { nics, networks } = await claimNics(asking, body, id, cluster.spec.macPrefix, draft);
  const operation = await addOperation(asking.app, asking.caller, draft, {
    kind: 'instance.create',
    target: { id, name: body.name, project },
    steps: stepsOf(body, nowOf(env)),
    input: { power: body.power ?? 'running', until: body.until ?? 'running' },
    deadlineMs: body.deadlineMs,
    reason: body.reason,
  });
  const disks = newDisks(env, { id, name: body.name, project }, sources, operation.id);
  const spec = specOf(body, sources, nics, disks);
  const shape = { id, name: body.name, spec };
  const trial = guestInput(shape, await readAncestry(store, shape, undefined, disks));
  const needs = { ...requirements(trial), networks: networks.map((network) => network.id) };
  const { decision, node } = await chooseNode(asking, body, needs);
  const ancestry = await readAncestry(store, shape, node, disks);
  const number = await store.counter(COUNTERS.epoch);
  draft.batch.counters.push({ name: COUNTERS.epoch, from: number, to: number + 1 });
  const guest = newObject(env, 'guest', {
    name: body.name,
    project,
    spec: guestSpec(guestInput(shape, ancestry), {
      instance: id,
      node,
      epoch: { incarnation: store.incarnation, number: number + 1 },
      power: spec.power,
      operation: operation.id as NonNullable<Guest['spec']['operation']>,
    }),
    status: { state: 'absent' },
  });
  const instance = newObject(env, 'instance', {
    id,
    name: body.name,
    project,
    labels: body.labels,
    spec,
    status: {
      state: 'creating',
      node,
      epoch: guest.spec.epoch,
      operation: operation.id as NonNullable<Instance['status']['operation']>,
      timeline: { submittedAt: nowOf(env), placedAt: nowOf(env) },
      conditions: [],
    },
  });
  draft.take(nameSpace('instance', project), body.name, id).add(instance).add(guest);
  draft.relyOn(sources.flavor, sources.image);
  for (const disk of disks) draft.add(disk);
  await newReplicas(asking.app, draft, { instance, cluster, disks, networks, node, operation });
  const attachments = await newAttachments(asking.app, draft, networks, node);
  draft.batch.decision = { operation: operation.id, decision };
  return { draft, operation, instance, decision, attachments };
}

/** Whose it will be. */
export async function projectOf({ app, caller }: Asking): Promise<ProjectId> {
  if (caller.project) return caller.project;
  const [found] = await app.store.named('project', 'default');
  if (!found) throw err('not_found', { kind: 'project', name: 'default' });
  return found.id as ProjectId;
}

async function requireNameFree({ app }: Asking, name: string, project: string): Promise<void> {
  const named = await app.store.named('instance', name);
  if (named.some((instance) => instance.project === project))
    throw err('name_taken', { kind: 'instance', name });
}

function stepsOf({ power, until }: CreateInstance, now: string): Step[] {
  const past = (name: string): Step => ({ name, state: 'done', startedAt: now, endedAt: now });
  const end: Step[] =
    power === 'stopped' ? [{ name: waitSteps.defined, state: 'waiting' }] : stepsUntil(until);
  return [
    past(createSteps.submitted),
    past(createSteps.placed),
    { name: createSteps.disk, state: 'waiting' },
    ...end,
  ];
}

function specOf(
  body: CreateInstance,
  { flavor, image, vcpus, memoryMiB, content }: Sources,
  nics: InstanceSpec['nics'],
  disks: { id: string }[],
): InstanceSpec {
  const { extraSpecs } = flavor?.spec ?? {};
  const { properties } = image?.spec ?? {};
  return {
    ...(flavor ? { flavor: flavor.id as NonNullable<InstanceSpec['flavor']> } : {}),
    vcpus,
    memoryMiB,
    ...(extraSpecs ? { extraSpecs } : {}),
    ...(image ? { image: image.id as NonNullable<InstanceSpec['image']> } : {}),
    ...(properties ? { imageProperties: properties } : {}),
    ...(content.kind === 'os' ? { os: content.os } : {}),
    boot: body.boot ?? image?.spec.boot ?? { kernel: 'disk' },
    disks: disks.map(({ id }) => id as InstanceSpec['disks'][number]),
    nics,
    power: body.power ?? 'running',
    ...(body.guest ? { guest: body.guest } : {}),
    personality: { hostname: body.name, ...body.personality },
    ...(body.protected === undefined ? {} : { protected: body.protected }),
  };
}

async function chooseNode(asking: Asking, body: CreateInstance, needs: Parameters<typeof place>[1]) {
  const only = body.node === undefined ? undefined : (await resolve(asking, 'node', body.node)).id;
  const nodes = await readCapacities(asking.app.store);
  const decision = place(nodes, needs, { only });
  if (!decision.chosen) {
    const lookedAt = nodes.filter((node) => only === undefined || node.id === only);
    throw refusal(body.name, lookedAt, needs, decision);
  }
  return { decision, node: decision.chosen.node };
}
