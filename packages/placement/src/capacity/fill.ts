/** How many equal instances still fit: two ways of filling the cluster, and the one that gets more in. */
import { Allocator } from '../allocate/allocate.ts';
import type { Pair } from '../allocate/pair-search.ts';
import { secondaryRefusal, type Verdicts, verdictsFor } from '../allocate/verdicts.ts';
import { ClusterState, type Footprint } from '../engine/state.ts';
import { type ClusterData, type InstanceSpec, needsSecondary } from '../ganeti/cluster-data.ts';

export interface FillOptions {
  /** Only so many. */
  limit?: number | undefined;
}

/** The filled cluster, and what was put in, in order. */
export interface Filled {
  state: ClusterState;
  places: { primary: number; secondary: number }[];
}

type Choose = (
  allocator: Allocator,
  f: Footprint,
  verdicts: Verdicts,
) => Pick<Pair, 'primary' | 'secondary'> | undefined;

/** Best score first, as hspace does, and most room first; of equal counts the better score. */
export function fill(data: ClusterData, spec: InstanceSpec, options: FillOptions): Filled {
  const byScore = fillByScore(data, spec, options, true);
  if (byScore.places.length === options.limit) return byScore;
  const byRoom = fillBy(data, spec, options, (allocator, f, verdicts) =>
    roomiest(allocator.state, spec, f, verdicts),
  );
  return byRoom.places.length > byScore.places.length ? byRoom : byScore;
}

/** @param ignoreCapacity do not ask whether the loss of every node can still be covered */
export const fillByScore = (
  data: ClusterData,
  spec: InstanceSpec,
  options: FillOptions,
  ignoreCapacity: boolean,
): Filled =>
  fillBy(data, spec, options, (allocator, f, verdicts) =>
    allocator.find(spec, f, verdicts, { ignoreCapacity, tiers: false }),
  );

function fillBy(data: ClusterData, spec: InstanceSpec, options: FillOptions, choose: Choose): Filled {
  const state = new ClusterState(data, { newcomers: [spec] });
  const f = state.newcomers[0] as Footprint;
  const allocator = new Allocator(state);
  const places: Filled['places'] = [];
  while (places.length < (options.limit ?? Number.POSITIVE_INFINITY)) {
    const place = choose(allocator, f, verdictsFor(state, spec, f, {}));
    if (!place) break;
    const { primary, secondary } = place;
    const name = `new-${places.length}`;
    allocator.add({ ...spec, name }, f, place);
    places.push({ primary, secondary });
  }
  return { state, places };
}

/** The pair of nodes, or the node, with room for most of them. */
function roomiest(state: ClusterState, spec: InstanceSpec, f: Footprint, { primary, secondary }: Verdicts) {
  const { group } = state.data.nodes;
  const ranked = (verdicts: Verdicts['primary'], role: 'primary' | 'secondary') => {
    const room = new Float64Array(verdicts.length);
    const nodes: number[] = [];
    for (let n = 0; n < verdicts.length; n += 1) {
      if (verdicts[n] !== undefined) continue;
      room[n] = slots(state, f, n, role);
      nodes.push(n);
    }
    return nodes.sort((a, b) => (room[b] as number) - (room[a] as number) || a - b);
  };
  const primaries = ranked(primary, 'primary');
  if (!needsSecondary(spec.template))
    return primaries[0] === undefined ? undefined : { primary: primaries[0], secondary: -1 };
  const secondaries = ranked(secondary, 'secondary');
  for (const p of primaries) {
    const s = secondaries.find((n) => n !== p && group[n] === group[p] && keeps(state, f, p, n));
    if (s !== undefined) return { primary: p, secondary: s };
  }
  return undefined;
}

const keeps = (state: ClusterState, f: Footprint, p: number, s: number): boolean =>
  secondaryRefusal(state, f, s, state.peers.of(s, p) + f.reserved) === undefined;

/** How many of it the node could take, by what is scarcest. */
function slots(state: ClusterState, f: Footprint, n: number, role: 'primary' | 'secondary'): number {
  const share = (free: number, each: number) => (each === 0 ? Number.POSITIVE_INFINITY : free / each);
  const at = (column: ArrayLike<number>) => column[n] as number;
  const disk = share(at(state.freeDisk), f.disk);
  if (role === 'secondary') return disk;
  const memory = share(at(state.unallocated) - at(state.reserved), f.runningMemory);
  const cpus = at(state.vcpuRatio) * at(state.data.nodes.cpus) - at(state.vcpus);
  return Math.min(disk, memory, share(cpus, f.vcpus));
}
