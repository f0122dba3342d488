/** What most places are short of: the tally by which Ganeti's hspace decides what to shrink. */
import type { Refusal } from '../engine/limits.ts';
import { type ClusterState, footprintOf } from '../engine/state.ts';
import { type InstanceSpec, needsSecondary } from '../ganeti/cluster-data.ts';
import { secondaryRefusal, verdictsFor, type Why } from './verdicts.ts';

type Scarce = 'memory' | 'disk' | 'vcpus';

const ranked: readonly Scarce[] = ['vcpus', 'disk', 'memory'];

const scarceBy: Record<Refusal, Scarce | undefined> = {
  memory: 'memory',
  'n+1': 'memory',
  'forthcoming-memory': 'memory',
  disk: 'disk',
  'spindle-ratio': 'disk',
  'forthcoming-disk': 'disk',
  'forthcoming-spindle-ratio': 'disk',
  'vcpu-ratio': 'vcpus',
  'forthcoming-vcpu-ratio': 'vcpus',
  spindles: undefined,
  'forthcoming-spindles': undefined,
  'exclusion-tag': undefined,
};

/** What refuses at least one place, the most frequent first; and whether a place is left. */
export function refusalCounts(state: ClusterState, spec: InstanceSpec): { scarce: Scarce[]; open: boolean } {
  const f = footprintOf(spec);
  const { primary, secondary } = verdictsFor(state, spec, f, {});
  const counts = new Map<Scarce, number>();
  const note = (why: Why | undefined, times = 1) => {
    const scarce =
      why !== undefined && typeof why === 'object' && 'rule' in why ? scarceBy[why.rule] : undefined;
    if (scarce) counts.set(scarce, (counts.get(scarce) ?? 0) + times);
  };
  const open = membersByGroup(state, secondary);
  for (const [p, why] of primary.entries()) {
    const others = open[state.data.nodes.group[p] as number] ?? [];
    if (why === undefined && !needsSecondary(spec.template)) return { scarce: [], open: true };
    if (why !== undefined) note(why, needsSecondary(spec.template) ? others.length - 1 : 1);
    else if (needsSecondary(spec.template))
      for (const s of others) {
        if (s === p) continue;
        const pair = pairWhy(state, f, p, s, secondary[s]);
        if (pair === undefined) return { scarce: [], open: true };
        note(pair);
      }
  }
  // Of equal ones Ganeti takes the last: vCPUs before disk before memory.
  const scarce = ranked.filter((each) => counts.has(each));
  return { scarce: scarce.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0)), open: false };
}

/** Nodes that are looked at as secondaries, by group. */
function membersByGroup({ data }: ClusterState, verdicts: readonly (Why | undefined)[]): number[][] {
  const members: number[][] = data.groups.map(() => []);
  for (let n = 0; n < verdicts.length; n += 1)
    if (typeof verdicts[n] !== 'string') members[data.nodes.group[n] as number]?.push(n);
  return members;
}

function pairWhy(
  state: ClusterState,
  f: ReturnType<typeof footprintOf>,
  p: number,
  s: number,
  why: Why | undefined,
): Why | undefined {
  if (why !== undefined) return why;
  const rule = secondaryRefusal(state, f, s, state.peers.of(s, p) + f.reserved);
  return rule === undefined ? undefined : { rule };
}
