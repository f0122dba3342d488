/** A live cluster as data that all of this package's planning works on. Pure. */
import type { NodeCapacity } from '@gantry/model';
import { reservedMiB, vcpuRatio } from '../feasible.ts';
import {
  type ClusterData,
  defaultInstancePolicy,
  type Group,
  type InstanceSpec,
  type NodeTable,
} from '../ganeti/cluster-data.ts';
import { isOnline } from '../score.ts';
import type { LiveCluster, LiveGuest } from './live-guest.ts';
import { houseRulesOf } from './rules-between.ts';

/** Prefix of the tags that become of exclusion labels. */
const EXCLUSION = 'exclusion:';

/**
 * Free memory is what the model leaves of it: guests with QEMU's own, what the host keeps and foreign domains have as the
 * node's. Guests are `plain`: one node, disks on it.
 */
export function clusterDataOf(live: LiveCluster): ClusterData {
  const index = new Map(live.nodes.map(({ id }, n) => [id as string, n]));
  const guests = live.guests.filter(({ node }) => index.has(node));
  const data = {
    groups: live.groups.map((group) => groupOf(live, group)),
    nodes: nodeTable(live, guests),
    instances: guests.map(specOf),
    primary: Int32Array.from(guests, ({ node }) => index.get(node) as number),
    secondary: new Int32Array(guests.length).fill(-1),
    tags: [`htools:iextags:${EXCLUSION}`],
    policy: defaultInstancePolicy,
  };
  return { ...data, house: houseRulesOf({ ...live, guests }, data.primary) };
}

function groupOf({ nodes, policy }: LiveCluster, { id, name }: LiveCluster['groups'][number]): Group {
  // every node has its own ratio, which the house's rules keep: here none is to be in their way
  const ratios = nodes.filter(({ group }) => group === id).map((node) => vcpuRatio(node, policy));
  const instancePolicy = { ...defaultInstancePolicy, vcpuRatio: Math.max(1, ...ratios) };
  return { name, uuid: id, policy: 'preferred', tags: [], networks: [], instancePolicy };
}

const specOf = (guest: LiveGuest): InstanceSpec => ({
  name: guest.peer.id,
  memory: guest.memoryMiB,
  disk: sum(Object.values(guest.diskMiB)),
  disks: [],
  vcpus: guest.vcpus,
  status: guest.down ? 'ADMIN_down' : 'running',
  autoBalance: guest.held === undefined,
  template: 'plain',
  tags: guest.exclusions.map((exclusion) => `${EXCLUSION}${exclusion}`),
  spindleUse: 0,
  diskSpindles: undefined,
  forthcoming: false,
});

function nodeTable({ nodes, groups, policy }: LiveCluster, guests: readonly LiveGuest[]): NodeTable {
  const column = (value: (node: NodeCapacity) => number) => Float64Array.from(nodes, value);
  const here = new Map(nodes.map(({ id }) => [id as string, { all: 0, running: 0 }]));
  for (const { node, memoryMiB, down } of guests) {
    const memory = here.get(node);
    if (!memory) continue;
    memory.all += memoryMiB;
    if (!down) memory.running += memoryMiB;
  }
  const total = (node: NodeCapacity) => Math.max(1, node.memoryMiB);
  const own = (node: NodeCapacity) =>
    reservedMiB(node, policy) + node.memoryUsedMiB - (here.get(node.id)?.all ?? 0);
  const pools = ({ storage }: NodeCapacity) => Object.values(storage);
  return {
    count: nodes.length,
    names: nodes.map(({ name }) => name),
    totalMem: column(total),
    nodeMem: column(own),
    freeMem: column((node) => total(node) - own(node) - (here.get(node.id)?.running ?? 0)),
    totalDisk: column((node) => sum(pools(node).map(({ totalMiB }) => totalMiB))),
    freeDisk: column((node) => sum(pools(node).map((pool) => Math.max(0, pool.freeMiB - pool.claimedMiB)))),
    cpus: column(({ cpus }) => Math.max(1, cpus)),
    offline: Uint8Array.from(nodes, (node) => (isOnline(node) ? 0 : 1)),
    group: Int32Array.from(nodes, ({ group }) => groups.findIndex(({ id }) => id === group)),
    master: -1,
    spindles: column(() => 1),
    tags: nodes.map(() => []),
    exclusiveStorage: new Uint8Array(nodes.length),
    freeSpindles: column(() => 0),
    nodeCpus: column(() => 0),
    cpuSpeed: column(() => 1),
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
