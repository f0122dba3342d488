/** Plain numbers about every node, for placement. */

import { overheadMiB } from '@gantry/guest';
import {
  type Guest,
  type Node,
  type NodeCapacity,
  type NodeId,
  type Replica,
  storageOf,
} from '@gantry/model';
import type { Seen } from './store/batch.ts';
import type { Store } from './store/store.ts';

const MIB = 2 ** 20;

export async function readCapacities(store: Store): Promise<NodeCapacity[]> {
  const { items: nodes } = await store.list('node');
  const capacities: NodeCapacity[] = [];
  for (const node of nodes) {
    const { items: guests } = await store.list('guest', { node: node.id });
    const { items: replicas } = await store.list('replica', { node: node.id });
    capacities.push(capacityOf(node, guests, replicas, await store.seen(node.id)));
  }
  return capacities;
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
