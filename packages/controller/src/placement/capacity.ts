/** Plain numbers about every node, for placement. */
import type { Bound } from '@gantry/guest';
import type { HostPolicy, Node, NodeCapacity, NodeId } from '@gantry/model';
import { exclusionRepeats } from '@gantry/placement';
import type { Kinds } from '../kinds.ts';
import type { Seen } from '../store/batch.ts';
import { hostPolicyOf } from './host-policy.ts';
import type { ClusterView } from './mirror.ts';
import type { NodeLoad } from './node-loads.ts';

const MIB = 2 ** 20;

/** A node as placement sees it: how much is free, and what its hardware can. */
export interface Candidate {
  capacity: NodeCapacity;
  node: Node;
  group: Kinds['group'] | undefined;
  /** What its guests have of the hardware. */
  bound(): Bound[];
  residents: NodeLoad['residents'];
  /** Of cluster, group and node together. */
  host: HostPolicy;
}

export function candidatesOf(view: ClusterView, cluster: Kinds['cluster']): Candidate[] {
  return [...view.nodes.values()].map((node) => candidateOf(view, cluster, node));
}

/** @param load what is taken of it */
export function candidateOf(
  view: ClusterView,
  cluster: Kinds['cluster'],
  node: Node,
  load: NodeLoad = view.load(node.id),
): Candidate {
  const group = view.groups.get(node.spec.group);
  const host = hostPolicyOf(cluster, group, node);
  return {
    capacity: capacityOf(node, load, view.gauges(node.id), host),
    node,
    group,
    bound: () => [...load.guests.values()],
    residents: load.residents,
    host,
  };
}

export function capacityOf(
  node: Node,
  load: NodeLoad,
  gauges: Seen['gauges'] | undefined,
  host: HostPolicy,
): NodeCapacity {
  const { facts, foreignDomains = [] } = node.status;
  const foreignMiB = foreignDomains.reduce(
    (sum, { running, memoryMiB }) => sum + (running ? memoryMiB : 0),
    0,
  );
  const storage = gauges?.storage?.map(({ name, totalBytes, freeBytes }) => [
    name,
    {
      totalMiB: Math.floor(totalBytes / MIB),
      freeMiB: Math.floor(freeBytes / MIB),
      claimedMiB: Math.ceil((load.growsBytes.get(name) ?? 0) / MIB),
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
    memoryUsedMiB: load.memoryMiB + foreignMiB,
    memoryDownMiB: load.memoryDownMiB,
    vcpusUsed: load.vcpus,
    guests: load.guests.size,
    ...repeatsIn(load, host),
    policy: host,
    storage: Object.fromEntries(storage ?? []),
  };
}

function repeatsIn({ residents }: NodeLoad, { exclusionLabels = [] }: HostPolicy) {
  if (exclusionLabels.length === 0) return {};
  return { exclusionRepeats: exclusionRepeats([...residents.values()], exclusionLabels) };
}
