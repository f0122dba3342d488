/** The score of a state, computed from scratch: what is reported, and what the incremental figures are checked against. */
import { type ComponentName, type Score, totalOf } from './components.ts';
import { deviation, type Moments, momentsOf, SPREADS, WITHOUT_FORTHCOMING } from './moments.ts';
import { Counts } from './peers.ts';
import type { ClusterState, Footprint } from './state.ts';

/** Every node. */
export const allNodes = (state: ClusterState): number[] =>
  Array.from({ length: state.data.nodes.count }, (_, n) => n);

/** Nodes of one group. */
export const nodesOfGroup = (state: ClusterState, group: number): number[] =>
  allNodes(state).filter((n) => state.data.nodes.group[n] === group);

/** @param nodes which nodes count: all (`hinfo`), or those of one group (`hbal -G`) */
export function scoreOf(state: ClusterState, nodes: readonly number[] = allNodes(state)): Score {
  return scoreWith(state, nodes, momentsOf(state, nodesUp(state, nodes)));
}

/** Those that are up. */
export const nodesUp = ({ data }: ClusterState, nodes: readonly number[]): number[] =>
  nodes.filter((n) => data.nodes.offline[n] === 0);

/** @param moments of those of the nodes that are up */
export function scoreWith(state: ClusterState, nodes: readonly number[], moments: Moments): Score {
  const up = upAmong(state, nodes);
  const load = deviation(moments, SPREADS.primaries);
  const forth = (k: number) => (k < moments.mean.length ? k : k - WITHOUT_FORTHCOMING + SPREADS.disk);
  const components: Record<ComponentName, number> = {
    free_mem_cv: deviation(moments, SPREADS.memory),
    free_disk_cv: deviation(moments, SPREADS.disk),
    reserved_mem_cv: deviation(moments, SPREADS.reserved),
    vcpu_ratio_cv: deviation(moments, SPREADS.cpu),
    cpu_load_cv: load,
    mem_load_cv: load,
    disk_load_cv: deviation(moments, SPREADS.guests),
    net_load_cv: load,
    pri_tags_score: repeatsOn(state, up),
    spindles_cv: deviation(moments, SPREADS.spindles),
    free_mem_cv_forth: deviation(moments, SPREADS.memoryForth),
    free_disk_cv_forth: deviation(moments, forth(SPREADS.diskForth)),
    vcpu_ratio_cv_forth: deviation(moments, forth(SPREADS.cpuForth)),
    spindles_cv_forth: deviation(moments, forth(SPREADS.spindlesForth)),
    ...locationScores(state, up),
    ...sums(state, nodes, up),
  };
  const own = state.data.house?.score(state) ?? 0;
  return { total: totalOf(components) + own, components, ...(own === 0 ? {} : { own }) };
}

function sums(state: ClusterState, nodes: readonly number[], up: Uint8Array) {
  const { totalMem } = state.data.nodes;
  const found = { n1_cnt: 0, offline_all_cnt: 0, offline_pri_cnt: 0, reserved_mem_rtotal: 0 };
  for (const n of nodes) {
    const primaries = state.primaries[n] as number;
    const guests = primaries + (state.secondaries[n] as number);
    if (up[n] === 1) {
      if (state.failsN1(n)) found.n1_cnt += guests;
      found.reserved_mem_rtotal += (state.reserved[n] as number) / (totalMem[n] as number);
    } else {
      found.offline_all_cnt += guests;
      found.offline_pri_cnt += primaries;
    }
  }
  return found;
}

/** 1: one of the nodes, and up. */
function upAmong({ data }: ClusterState, nodes: readonly number[]): Uint8Array {
  const marks = new Uint8Array(data.nodes.count);
  for (const n of nodes) if (data.nodes.offline[n] === 0) marks[n] = 1;
  return marks;
}

/** Primaries of a node that share an exclusion tag, beyond the first of each. */
function repeatsOn({ nodeTags, tags }: ClusterState, nodes: Uint8Array): number {
  let repeats = 0;
  nodeTags.each((count, key) => {
    if (nodes[Math.floor(key / tags.exclusionCount)] === 1) repeats += count - 1;
  });
  return repeats;
}

const NOWHERE: readonly number[] = [];

/** How many are in both. */
export function shared(some: readonly number[], others: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < some.length; i += 1) if (others.includes(some[i] as number)) count += 1;
  return count;
}

/** Failure domains: shared by both nodes of an instance, wished for and missed; full of instances that exclude each other. */
function locationScores(state: ClusterState, nodes: Uint8Array) {
  const { tags, primary, secondary, footprints } = state;
  const domains = new Counts();
  let score = 0;
  for (let i = 0; i < footprints.length; i += 1) {
    const footprint = footprints[i] as Footprint;
    const p = primary[i] as number;
    if (footprint.forthcoming || nodes[p] === 0) continue;
    const here = tags.locations[p] ?? NOWHERE;
    const there = tags.locations[secondary[i] as number] ?? NOWHERE;
    if (here.length > 0 && there.length > 0) score += shared(here, there);
    if (footprint.wishes.length > 0) score += footprint.wishes.length - shared(footprint.wishes, here);
    for (let e = 0; e < footprint.exclusions.length; e += 1)
      for (let l = 0; l < here.length; l += 1)
        domains.add((here[l] as number) * tags.exclusionCount + (footprint.exclusions[e] as number), 1);
  }
  return { location_score: score, location_exclusion_score: domains.repeats() };
}
