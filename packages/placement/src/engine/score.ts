/** The score of a state, computed from scratch: what is reported, and what the incremental figures are checked against. */
import { type ComponentName, type Score, totalOf } from './components.ts';
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
  const { offline } = state.data.nodes;
  const online = nodes.filter((n) => offline[n] === 0);
  const down = nodes.filter((n) => offline[n] === 1);
  const spread = (value: (n: number) => number) => standardDeviation(online.map(value));
  const sum = (value: (n: number) => number) => online.reduce((total, n) => total + value(n), 0);
  const read = readers(state);
  const load = spread(read.primaries);
  const components: Record<ComponentName, number> = {
    free_mem_cv: spread(read.memory),
    free_disk_cv: spread((n) => read.disk(n, state.freeDisk, state.freeSpindles)),
    n1_cnt: sum((n) => (state.failsN1(n) ? read.guests(n) : 0)),
    reserved_mem_cv: spread(read.reserved),
    offline_all_cnt: down.reduce((total, n) => total + read.guests(n), 0),
    offline_pri_cnt: down.reduce((total, n) => total + read.primaries(n), 0),
    vcpu_ratio_cv: spread((n) => read.cpu(n, state.vcpus)),
    cpu_load_cv: load,
    mem_load_cv: load,
    disk_load_cv: spread(read.guests),
    net_load_cv: load,
    pri_tags_score: repeatsOn(state, marked(state, online)),
    spindles_cv: spread((n) => read.spindles(n, state.spindles)),
    free_mem_cv_forth: spread(read.memoryForth),
    free_disk_cv_forth: spread((n) => read.disk(n, state.freeDiskForth, state.freeSpindlesForth)),
    vcpu_ratio_cv_forth: spread((n) => read.cpu(n, state.vcpusForth)),
    spindles_cv_forth: spread((n) => read.spindles(n, state.spindlesForth)),
    ...locationScores(state, marked(state, online)),
    reserved_mem_rtotal: sum(read.reserved),
  };
  const own = state.data.house?.score(state) ?? 0;
  return { total: totalOf(components) + own, components, ...(own === 0 ? {} : { own }) };
}

/** Figures of one node as the score takes them. */
export function readers(state: ClusterState) {
  const { nodes } = state.data;
  const at = (column: ArrayLike<number>, n: number) => column[n] as number;
  return {
    memory: (n: number) => at(state.unallocated, n) / at(nodes.totalMem, n),
    memoryForth: (n: number) => at(state.freeMemForth, n) / at(nodes.totalMem, n),
    reserved: (n: number) => at(state.reserved, n) / at(nodes.totalMem, n),
    /** Exclusive storage counts spindles instead; a node without disks counts as empty. */
    disk(n: number, disk: Float64Array, spindles: Float64Array): number {
      const exclusive = nodes.exclusiveStorage[n] === 1;
      const total = at(exclusive ? nodes.spindles : nodes.totalDisk, n);
      return total === 0 ? 1 : at(exclusive ? spindles : disk, n) / total;
    },
    cpu: (n: number, vcpus: Float64Array) => at(vcpus, n) / at(nodes.cpus, n) / at(nodes.cpuSpeed, n),
    /** Ganeti divides by zero for a node without spindles; here it counts as unused. */
    spindles: (n: number, used: Float64Array) =>
      at(state.spindleLimit, n) === 0 ? 0 : at(used, n) / at(state.spindleLimit, n),
    primaries: (n: number) => at(state.primaries, n),
    guests: (n: number) => at(state.primaries, n) + at(state.secondaries, n),
  };
}

/** Of the whole population. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function marked({ data }: ClusterState, nodes: readonly number[]): Uint8Array {
  const marks = new Uint8Array(data.nodes.count);
  for (const n of nodes) marks[n] = 1;
  return marks;
}

/** Primaries of a node that share an exclusion tag, beyond the first of each. */
function repeatsOn({ nodeTags, tags }: ClusterState, nodes: Uint8Array): number {
  let repeats = 0;
  for (const key of nodeTags.keys())
    if (nodes[Math.floor(key / tags.exclusionCount)] === 1) repeats += nodeTags.of(key) - 1;
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
    if (footprint.exclusions.length === 0) continue;
    for (const tag of footprint.exclusions)
      for (const location of here) domains.add(location * tags.exclusionCount + tag, 1);
  }
  return { location_score: score, location_exclusion_score: domains.repeats() };
}
