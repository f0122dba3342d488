/** Why nodes are refused, in words and numbers. */
import type { Refusal } from '../engine/limits.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import { type InstanceSpec, needsSecondary } from '../ganeti/cluster-data.ts';
import type { Verdicts, Why } from './verdicts.ts';

export interface Refused {
  node: string;
  primary?: Reason;
  /** As secondary of a pair. */
  secondary?: Reason;
}

export interface Reason {
  /** What test it fails: stable. */
  test: string;
  message: string;
  needed?: number;
  available?: number;
  unit?: string;
}

/** Nodes that fail in a role which the instance needs. */
export function explain(
  state: ClusterState,
  spec: InstanceSpec,
  footprint: Footprint,
  { primary, secondary }: Verdicts,
): Refused[] {
  const pair = needsSecondary(spec.template);
  return state.data.nodes.names.flatMap((node, n) => {
    const first = primary[n] && reasonOf(state, footprint, n, primary[n], 'primary');
    const second =
      pair && secondary[n] ? reasonOf(state, footprint, n, secondary[n], 'secondary') : undefined;
    if (!first && !second) return [];
    return [{ node, ...(first ? { primary: first } : {}), ...(second ? { secondary: second } : {}) }];
  });
}

const plain: Record<Extract<Why, string>, string> = {
  offline: 'offline or drained',
  'not-asked-for': 'not among the nodes asked for',
  'group-unallocable': 'its group takes no new instances',
  network: 'its group is not connected to the network',
};

function reasonOf(
  state: ClusterState,
  f: Footprint,
  n: number,
  why: Why,
  role: 'primary' | 'secondary',
): Reason {
  if (typeof why === 'string') return { test: why, message: plain[why] };
  if ('policy' in why) {
    const { what, needed, allowed } = why.policy;
    return { test: 'policy', message: `policy: ${what}`, needed, available: allowed };
  }
  return { test: why.rule, ...ruleReason(state, f, n, why.rule, role) };
}

function ruleReason(
  state: ClusterState,
  f: Footprint,
  n: number,
  rule: Refusal,
  role: 'primary' | 'secondary',
): Omit<Reason, 'test'> {
  const at = (column: ArrayLike<number>) => column[n] as number;
  const short = (what: string, needed: number, available: number, unit: string) => ({
    message: `${what}: needs ${needed} ${unit}, has ${available}`,
    needed,
    available,
    unit,
  });
  const memory = role === 'primary' ? f.runningMemory : f.reserved;
  const cpus = Math.floor(at(state.vcpuRatio) * at(state.data.nodes.cpus));
  switch (rule) {
    case 'memory':
      return short('memory', memory, Math.max(0, at(state.unallocated)), 'MiB');
    case 'n+1': {
      const kept = role === 'primary' ? at(state.reserved) : 0;
      const free = at(state.unallocated) - kept;
      return short('N+1: memory beside what the loss of another node would bring', memory, free, 'MiB');
    }
    case 'forthcoming-memory':
      return short('memory with stopped and forthcoming instances', f.memory, at(state.freeMemForth), 'MiB');
    case 'disk':
      return short('disk', f.disk, at(state.freeDisk), 'MiB');
    case 'forthcoming-disk':
      return short('disk with forthcoming instances', f.disk, at(state.freeDiskForth), 'MiB');
    case 'spindles':
    case 'forthcoming-spindles':
      return short('spindles', f.diskSpindles ?? 0, at(state.freeSpindles), 'spindles');
    case 'spindle-ratio':
    case 'forthcoming-spindle-ratio':
      return short('spindle ratio', f.spindleUse, at(state.spindleLimit) - at(state.spindlesForth), 'uses');
    case 'vcpu-ratio':
    case 'forthcoming-vcpu-ratio':
      return short('vCPUs', f.vcpus, cpus - at(state.vcpusForth), 'vCPUs');
    case 'exclusion-tag':
      return { message: 'an instance with the same exclusion tag runs here' };
  }
}
