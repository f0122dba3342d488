/**
 * `instance import`, decided: the domain as its node finds it becomes an instance whose hardware stays what its
 * definition says. One draft: instance, claims (name, MACs, addresses, disks, devices), operation, binding.
 */
import {
  err,
  type ForeignDomain,
  type Guest,
  type ImportInstance,
  type Instance,
  type InstanceSpec,
  matches,
  Name,
  type Nic,
  type Node,
  type NodeId,
  type Operation,
} from '@gantry/model';
import { type Asking, type Call, resolve } from '../api/call.ts';
import { actorOf } from '../api/caller.ts';
import { nowOf } from '../env.ts';
import { askNode } from '../node-calls.ts';
import { COUNTERS, diskSpace, MAC_SPACE, nameSpace, newObject, pciSpace } from '../objects.ts';
import { lastEpoch } from '../placement/choose-node.ts';
import { Draft } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { requireNameFree } from './begin-create.ts';
import { guestInput, guestSpec, readAncestry } from './guest-spec.ts';
import { importedNics } from './import-nics.ts';
import { importSteps } from './instance-import.ts';
import { addOperation } from './new-operation.ts';
import { projectOf } from './project-of.ts';

/** What an agent must be able to do. */
const ADOPT = 'guest:adopt';

export interface BegunImport {
  draft: Draft;
  operation: Operation;
  instance: Instance;
  node: Node;
  domain: ForeignDomain;
}

type Importing = Asking & Pick<Call, 'signal'>;

/** @throws GantryError `not_adoptable` and others for everything that cannot be as asked; nothing is written here */
export async function beginImport(asking: Importing, body: ImportInstance): Promise<BegunImport> {
  const { app } = asking;
  const { store, env } = app;
  const node = await nodeOf(asking, body.node);
  const domain = await askNode(app, node, { do: 'domain.inspect', domain: body.domain }, asking.signal);
  await requireAdoptable(asking, node, domain);
  const project = await projectOf(asking);
  const target = { id: domain.uuid, name: body.name ?? nameOf(domain), project };
  await requireNameFree(asking, target.name, project);
  const draft = new Draft(env.clock.now()).relyOn(node);
  draft.take(nameSpace('instance', project), target.name, target.id);
  await claimHardware(asking, draft, node, domain);
  const { nics, networks } = await importedNics(asking, draft, node, domain, body.addresses ?? []);
  const operation = await addOperation(app, asking.caller, draft, {
    kind: 'instance.import',
    target,
    steps: [{ name: importSteps.adopted, state: 'waiting' }],
    input: { domain: domain.name, node: node.name },
    deadlineMs: body.deadlineMs,
    reason: body.reason,
  });
  const newborn = { ...target, spec: specOf(asking, domain, nics) };
  const guest = await bind(asking, draft, newborn, { node, domain, operation });
  const status: Instance['status'] = {
    state: 'creating',
    node: guest.spec.node,
    epoch: guest.spec.epoch,
    operation: operation.id as NonNullable<Instance['status']['operation']>,
    timeline: { submittedAt: nowOf(env) },
    conditions: [],
  };
  const instance = newObject(env, 'instance', { ...newborn, labels: body.labels, status });
  draft.add(instance).add(guest);
  await newAttachments({ store, env }, draft, networks, node.id as NodeId);
  return { draft, operation, instance, node, domain };
}

/** The one that is named, or the only one. */
async function nodeOf(asking: Asking, ref: string | undefined): Promise<Node> {
  const { items } = ref === undefined ? await asking.app.store.list('node') : { items: [] };
  const [only, ...others] = items;
  if (ref === undefined && (only === undefined || others.length > 0))
    throw err('invalid_argument', { what: 'an import without a node', wanted: 'complete: name the node' });
  const node = only ?? (await resolve(asking, 'node', ref ?? ''));
  if (node.status.state === 'lost')
    throw err('node_unreachable', { node: node.name, ago: 'longer than a node may be silent' });
  if (!node.status.facts?.capabilities.includes(ADOPT)) throw err('agent_outdated', { fields: ADOPT });
  return node;
}

/** @throws GantryError `invalid_argument` */
function nameOf({ name }: ForeignDomain): string {
  if (matches(Name, name)) return name;
  throw err('invalid_argument', {
    what: `the domain’s name ${JSON.stringify(name)} as name of an instance`,
    wanted: 'a host name (small letters, digits, hyphens, dots): give it one with --name',
  });
}

async function requireAdoptable({ app }: Asking, node: Node, domain: ForeignDomain): Promise<void> {
  const known = await app.store.get('instance', domain.uuid);
  const already = known ? [`it is instance ${known.name} already`] : [];
  const obstacles = [...already, ...domain.obstacles];
  if (obstacles.length > 0)
    throw err('not_adoptable', { name: domain.name, node: node.name, why: obstacles.join('; ') });
}

/** What only one guest may have: of two that write to one disk, or answer for one MAC, both are lost. */
async function claimHardware(
  { app }: Asking,
  draft: Draft,
  node: Node,
  domain: ForeignDomain,
): Promise<void> {
  const own = domain.disks.flatMap(({ source, shared }) => (shared || source === undefined ? [] : [source]));
  const wanted = [
    ...domain.nics.map(({ mac }) => ({ space: MAC_SPACE, value: mac, what: 'MAC' })),
    ...own.map((source) => ({ space: diskSpace(node.id, source), value: source, what: 'disk' })),
    ...domain.pciDevices.map((value) => ({ space: pciSpace(node.id), value, what: 'PCI device' })),
  ];
  const taken = new Set<string>();
  for (const { space, value, what } of wanted) {
    const holder = await app.store.claimant(space, value);
    const whose = holder && ((await app.store.get('instance', holder))?.name ?? holder);
    const twice = taken.has(`${space} ${value}`);
    if (whose || twice)
      throw err('not_adoptable', {
        name: domain.name,
        node: node.name,
        why: twice ? `it has ${what} ${value} twice` : `${what} ${value} is instance ${whose}’s`,
      });
    taken.add(`${space} ${value}`);
    draft.take(space, value, domain.uuid);
  }
}

function specOf({ app, caller }: Asking, domain: ForeignDomain, nics: Nic[]): InstanceSpec {
  const { name, vcpus, memoryMiB, disks, kept } = domain;
  return {
    vcpus,
    memoryMiB,
    boot: { kernel: 'disk' },
    disks: [],
    nics,
    power: isUp(domain) ? 'running' : 'stopped',
    personality: {},
    adopted: { at: nowOf(app.env), by: actorOf(caller), domain: name, disks, nics: domain.nics, kept },
  };
}

export const isUp = ({ state }: ForeignDomain): boolean => state === 'running' || state === 'paused';

/** The binding, with the next epoch. */
async function bind(
  { app: { store, env } }: Asking,
  draft: Draft,
  newborn: Pick<Instance, 'id' | 'name' | 'project' | 'spec'>,
  { node, domain, operation }: { node: Node; domain: ForeignDomain; operation: Operation },
): Promise<Guest> {
  const number = await lastEpoch(store);
  draft.batch.counters.push({ name: COUNTERS.epoch, from: number, to: number + 1 });
  const id = node.id as NodeId;
  const input = guestInput(newborn, await readAncestry(store, newborn, id, []));
  const { definition, autostart, pciDevices } = domain;
  const spec: Guest['spec'] = {
    ...guestSpec(input, {
      instance: newborn.id as Guest['spec']['instance'],
      fit: { node: id, ...(pciDevices.length > 0 ? { pciDevices } : {}) },
      epoch: { incarnation: store.incarnation, number: number + 1 },
      power: newborn.spec.power,
      operation: operation.id as NonNullable<Guest['spec']['operation']>,
    }),
    role: 'adopt',
    adopt: { definition, autostart },
  };
  const { name, project } = newborn;
  return newObject(env, 'guest', { name, project, spec, status: { state: 'absent' } });
}
