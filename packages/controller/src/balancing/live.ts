/** The live cluster as placement's balancer takes it: nodes, groups, and of every guest whether it may move, and what that costs. */
import { requirements } from '@gantry/guest';
import {
  type Guest,
  type Instance,
  isGantryError,
  type Node,
  operationEnded,
  requirePermitted,
} from '@gantry/model';
import { defaultPolicy, exclusionsOf, type LiveCluster, type LiveGuest } from '@gantry/placement';
import type { App } from '../api/call.ts';
import { bytesOf, disksOf, requireMovable } from '../operations/begin-move.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { type Candidate, candidatesOf } from '../placement/capacity.ts';
import { decide } from '../placement/choose-node.ts';
import { moveWish } from '../placement/move-wish.ts';
import { peerOf, takenBy } from '../placement/records.ts';
import type { Wanted } from '../placement/wanted.ts';
import type { Store } from '../store/store.ts';

type Parts = Pick<App, 'store' | 'mirror'>;

/** A guest that is where its instance is: what it asks of a node. */
export interface Settled {
  instance: Instance;
  wanted: Wanted;
}

export interface LiveView {
  live: LiveCluster;
  candidates: readonly Candidate[];
  /** By id of the instance: bound guests, also those that stay. */
  instances: ReadonlyMap<string, Instance>;
  /** By id of the instance. */
  settled: ReadonlyMap<string, Settled>;
}

export interface Asked {
  /** Guests that run may be stopped. */
  stop: boolean;
  /** Only look into what this instance asks of nodes: all others stay. */
  instance?: string;
  /** Only guests on nodes of this group may move. */
  group?: string | undefined;
  /** Only these nodes and their guests are looked at at all; only those of the first may move. Ids. */
  nodes?: readonly string[];
}

export async function readLive({ store, mirror }: Parts, asked: Asked): Promise<LiveView> {
  const cluster = await theCluster(store);
  const groups = (await store.list('group')).items;
  const { nodes, instances, bindings } = await (asked.nodes ? some(store, asked.nodes) : everything(store));
  const guests: Bound[] = [];
  for (const guest of bindings) {
    const instance = instances.get(guest.spec.instance);
    guests.push(await bound(store, asked, { guest, instance, node: nodes.get(guest.spec.node) }));
  }
  // after the guests: what they take is in here too
  const candidates = await mirror.read((view) => [...candidatesOf(view, cluster)]);
  const hosts = new Map(candidates.map((each) => [each.node.id as string, each]));
  const settled = new Map(
    guests.flatMap(({ settled: one }) => (one ? [[one.instance.id as string, one] as const] : [])),
  );
  const live = {
    nodes: candidates.filter(({ node }) => nodes.has(node.id)).map(({ capacity }) => capacity),
    groups: groups.map(({ id, name }) => ({ id: id as string, name })),
    guests: guests.map((each) => liveGuest(each, hosts.get(each.guest.spec.node))),
    policy: defaultPolicy,
    fits: fitting(settled, hosts),
  };
  return { live, candidates, instances, settled };
}

interface Read {
  nodes: ReadonlyMap<string, Node>;
  instances: ReadonlyMap<string, Instance>;
  bindings: readonly Guest[];
}

async function everything(store: Store): Promise<Read> {
  const byId = <T extends { id: string }>(items: readonly T[]) =>
    new Map(items.map((each) => [each.id, each]));
  return {
    nodes: byId<Node>((await store.list('node')).items),
    instances: byId<Instance>((await store.list('instance')).items),
    bindings: (await store.list('guest')).items,
  };
}

async function some(store: Store, wanted: readonly string[]): Promise<Read> {
  const [nodes, instances] = [new Map<string, Node>(), new Map<string, Instance>()];
  const bindings: Guest[] = [];
  for (const id of wanted) {
    const node = await store.get('node', id);
    if (node) nodes.set(id, node);
    bindings.push(...(await store.list('guest', { node: id })).items);
  }
  for (const { spec } of bindings) {
    const instance = await store.get('instance', spec.instance);
    if (instance) instances.set(instance.id, instance);
  }
  return { nodes, instances, bindings };
}

interface Bound {
  guest: Guest;
  instance: Instance | undefined;
  node: Node | undefined;
  settled?: Settled;
  held?: string;
  bytes: number;
}

async function bound(
  store: Store,
  asked: Asked,
  one: Pick<Bound, 'guest' | 'instance' | 'node'>,
): Promise<Bound> {
  const { guest, instance, node } = one;
  if (!instance || !node || instance.status.node !== guest.spec.node)
    return { ...one, bytes: 0, held: 'it is on its way between nodes' };
  if (
    (asked.instance !== undefined && asked.instance !== instance.id) ||
    (asked.group !== undefined && asked.group !== node.spec.group) ||
    (asked.nodes !== undefined && asked.nodes[0] !== node.id)
  )
    return { ...one, bytes: 0, held: 'it is not asked for' };
  const { held, bytes } = await hold(store, asked, { guest, instance, node });
  const settled = { instance, wanted: await moveWish(store, instance, guest.spec.input) };
  return { ...one, bytes, settled, ...(held === undefined ? {} : { held }) };
}

/** Why it stays, if it must; what would be copied. */
async function hold(
  store: Store,
  { stop }: Asked,
  { guest, instance, node }: { guest: Guest; instance: Instance; node: Node },
): Promise<{ held?: string; bytes: number }> {
  const id = instance.status.operation;
  const operation = id && (await store.get('operation', id));
  if (operation && !operationEnded(operation.status.state))
    return { held: `operation ${operation.spec.number} is under way`, bytes: 0 };
  const { cells = [], pciDevices = [] } = guest.spec.fit;
  if (cells.length + pciDevices.length > 0)
    return { held: 'it has CPUs, pages or devices of its node for itself', bytes: 0 };
  try {
    requirePermitted('move', instance);
    const bytes = bytesOf(await disksOf(store, instance, guest));
    requireMovable(instance, guest, node, { stop: true });
    if (!stop && up.includes(instance.status.state)) return { held: MUST_STOP, bytes };
    return { bytes };
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return { held: error.message, bytes: 0 };
  }
}

const up: readonly string[] = ['running', 'paused', 'starting', 'stopping'];
const MUST_STOP = 'it runs, and guests cannot be moved while they run yet: --stop stops, moves and starts it';

function liveGuest({ guest, instance, settled, held, bytes }: Bound, host: Candidate | undefined): LiveGuest {
  const { vcpus, memoryMiB } = takenBy(guest);
  // an instance that is on its way has two guests: the one where it is not yet is nobody for rules
  const there = instance !== undefined && instance.status.node === guest.spec.node;
  const peer = there ? peerOf(instance) : { id: guest.id, name: guest.name };
  return {
    peer,
    node: guest.spec.node,
    vcpus,
    memoryMiB,
    diskMiB: settled ? requirements(guest.spec.input).diskMiB : {},
    down: guest.spec.power === 'stopped',
    exclusions: exclusionsOf(peer, host?.host.exclusionLabels ?? []),
    bytes,
    ...(held === undefined ? {} : { held }),
  };
}

/** What stands against a node beside room and other guests: the live tests on the node as if it were empty. */
function fitting(
  settled: ReadonlyMap<string, Settled>,
  hosts: ReadonlyMap<string, Candidate>,
): LiveCluster['fits'] {
  const empty = new Map<string, Candidate>();
  return ({ peer }, { id }) => {
    const one = settled.get(peer.id);
    const host = hosts.get(id);
    if (!one || !host) return false;
    const alone = empty.get(id) ?? emptied(host);
    empty.set(id, alone);
    return takes([alone], { ...one.wanted, newcomer: { id: peer.id, name: peer.name } }, id);
  };
}

const emptied = (candidate: Candidate): Candidate => ({
  ...candidate,
  capacity: {
    ...candidate.capacity,
    memoryUsedMiB: 0,
    vcpusUsed: 0,
    storage: Object.fromEntries(
      Object.entries(candidate.capacity.storage).map(([name, pool]) => [
        name,
        { ...pool, freeMiB: Number.MAX_SAFE_INTEGER, claimedMiB: 0 },
      ]),
    ),
  },
  bound: () => [],
  residents: new Map(),
});

/** By the live tests. */
export function takes(on: readonly Candidate[], wanted: Wanted, node: string): boolean {
  try {
    return decide(on, { ...wanted, only: node }).decision.chosen !== undefined;
  } catch (error) {
    if (isGantryError(error)) return false;
    throw error;
  }
}
