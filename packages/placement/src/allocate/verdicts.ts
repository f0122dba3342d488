/** Which nodes can take an instance, and what stands against the others, each role by itself. */

import { type Refusal, refusals, refusesPrimary, refusesSecondary } from '../engine/limits.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import type { AllocPolicy, InstanceSpec } from '../ganeti/cluster-data.ts';
import { type PolicyRefusal, refusedByPolicy } from './spec-fits.ts';

/** Where an instance may be put at all. */
export interface Bounds {
  /** Only this group, by name or uuid. */
  group?: string | undefined;
  /** Only these nodes, by name. */
  nodes?: readonly string[] | undefined;
  /** Networks (uuids) that its group must be connected to. */
  networks?: readonly string[] | undefined;
}

export type Why =
  | 'offline'
  | 'not-asked-for'
  | 'group-unallocable'
  | 'network'
  | { policy: PolicyRefusal }
  | { rule: Refusal };

export interface Verdicts {
  /** Undefined: it can. */
  primary: (Why | undefined)[];
  secondary: (Why | undefined)[];
}

/** A secondary is judged as if it kept nothing yet for the primary: what pairs add is looked at pair by pair. */
export function verdictsFor(
  state: ClusterState,
  spec: InstanceSpec,
  footprint: Footprint,
  bounds: Bounds,
): Verdicts {
  const { nodes, groups } = state.data;
  const ofGroup = groups.map((group) => groupVerdict(group, bounds));
  const ofPolicy = policyVerdicts(spec, groups);
  const only = bounds.nodes && new Set(bounds.nodes);
  const common = (n: number): Why | undefined => {
    const group = nodes.group[n] as number;
    if (nodes.offline[n] === 1) return 'offline';
    if (only && !only.has(nodes.names[n] as string)) return 'not-asked-for';
    return ofGroup[group];
  };
  const none = (): (Why | undefined)[] => new Array<Why | undefined>(nodes.count).fill(undefined);
  const verdicts: Verdicts = { primary: none(), secondary: none() };
  for (let n = 0; n < nodes.count; n += 1) {
    const barred = common(n);
    verdicts.primary[n] =
      barred ??
      ofPolicy(nodes.group[n] as number, nodes.exclusiveStorage[n] === 1) ??
      ruleOf(primaryRefusal(state, footprint, n));
    verdicts.secondary[n] = barred ?? ruleOf(secondaryRefusal(state, footprint, n, footprint.reserved));
  }
  return verdicts;
}

export const primaryRefusal = (state: ClusterState, f: Footprint, n: number): Refusal | undefined =>
  refusesPrimary(state, f, n, false, state.reserved[n] as number, false);

/** @param needed what the node must keep for the failing over of one primary's guests, with it */
export function secondaryRefusal(
  state: ClusterState,
  f: Footprint,
  n: number,
  needed: number,
): Refusal | undefined {
  const before = state.reserved[n] as number;
  const free = state.unallocated[n] as number;
  const freeForth = state.freeMemForth[n] as number;
  const reserved = Math.max(before, needed);
  return refusesSecondary(state, f, n, { hasDisk: false, before, reserved, free, freeForth }, false);
}

/** One for all nodes: capacity asks for the verdicts thousands of times. */
const ofRule = new Map<Refusal | undefined, Why>(refusals.map((rule) => [rule, { rule }]));
const ruleOf = (rule: Refusal | undefined): Why | undefined => ofRule.get(rule);

/** Of a node's group; each kind of node is looked at once, if there is one. */
function policyVerdicts(spec: InstanceSpec, groups: ClusterState['data']['groups']) {
  const known = [new Map<number, Why | undefined>(), new Map<number, Why | undefined>()] as const;
  return (group: number, exclusive: boolean): Why | undefined => {
    const ofKind = known[exclusive ? 1 : 0];
    if (ofKind.has(group)) return ofKind.get(group);
    const { instancePolicy } = groups[group] as (typeof groups)[number];
    const policy = refusedByPolicy(spec, instancePolicy, exclusive);
    const verdict = policy && { policy };
    ofKind.set(group, verdict);
    return verdict;
  };
}

function groupVerdict(
  group: { name: string; uuid: string; policy: AllocPolicy; networks: readonly string[] },
  bounds: Bounds,
): Why | undefined {
  if (bounds.group !== undefined && bounds.group !== group.name && bounds.group !== group.uuid)
    return 'not-asked-for';
  if (group.policy === 'unallocable') return 'group-unallocable';
  const connected = (bounds.networks ?? []).every((network) => group.networks.includes(network));
  return connected ? undefined : 'network';
}
