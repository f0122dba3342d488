/** Plain numbers about every node, for placement. */

import { overheadMiB } from '@gantry/guest';
import {
  type Guest,
  type HostPolicy,
  type Node,
  type NodeCapacity,
  type NodeId,
  type Replica,
  storageOf,
} from '@gantry/model';
import type { Kinds } from '../kinds.ts';
import type { Seen } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { hostPolicyOf } from './host-policy.ts';

const MIB = 2 ** 20;

/** A node as placement sees it: how much is free, and what its hardware can. */
export interface Candidate {
  capacity: NodeCapacity;
  node: Node;
  group: Kinds['group'] | undefined;
  guests: Guest[];
  /** Of cluster, group and node together. */
  host: HostPolicy;
}

/** With everything that they were made from, so that a decision can rely on it. */
export async function readCandidates(store: Store, cluster: Kinds['cluster']): Promise<Candidate[]> {
  const { items: nodes } = await store.list('node');
  const { items: groups } = await store.list('group');
  const candidates: Candidate[] = [];
  for (const node of nodes) {
    const { items: guests } = await store.list('guest', { node: node.id });
    const { items: replicas } = await store.list('replica', { node: node.id });
    const capacity = capacityOf(node, guests, replicas, await store.seen(node.id));
    const group = groups.find(({ id }) => id === node.spec.group);
    candidates.push({ capacity, node, group, guests, host: hostPolicyOf(cluster, group, node) });
  }
  return candidates;
}

/** A guest counts as long as it is bound, stopped or not: it may be started again at any time. */
export function capacityOf(
  node: Node,
  guests: Guest[],
  replicas: Replica[],
  seen: Pick<Seen, 'gauges'> | undefined,
): NodeCapacity {
  const { facts, foreignDomains = [] } = node.status;
  const foreign = foreignDomains.filter(({ running }) => running).map(({ memoryMiB }) => memoryMiB);
  const claimedMiB = (name: string) =>
    Math.ceil(sum(replicas.map((replica) => stillToGrow(replica, name))) / MIB);
  const storage = seen?.gauges.storage?.map(({ name, totalBytes, freeBytes }) => [
    name,
    {
      totalMiB: Math.floor(totalBytes / MIB),
      freeMiB: Math.floor(freeBytes / MIB),
      claimedMiB: claimedMiB(name),
    },
  ]);
  return {
    id: node.id as NodeId,
    name: node.name,
    group: node.spec.group,
    state: node.status.state,
    role: node.spec.role,
    architecture: facts?.architecture ?? '',
    machineTypes: facts?.machineTypes ?? [],
    cpus: facts?.cpus ?? 0,
    memoryMiB: facts?.memoryMiB ?? 0,
    memoryUsedMiB: sum([...guests.map(memoryOf), ...foreign]),
    vcpusUsed: sum(guests.map(({ spec }) => spec.input.vcpus)),
    storage: Object.fromEntries(storage ?? []),
  };
}

const memoryOf = ({ spec }: Guest): number =>
  spec.input.memoryMiB + overheadMiB(spec.input.memoryMiB, spec.input.vcpus);

/** What a disk may still take of the free space that the node reports, bytes. */
function stillToGrow({ spec, status }: Replica, storage: string): number {
  if (spec.what !== 'disk' || spec.desired === 'absent' || storageOf[spec.template] !== storage) return 0;
  return Math.max(0, spec.sizeBytes - (status.allocatedBytes ?? 0));
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
