/**
 * May an instance be put there? The rules of Ganeti's `addPri` and `addSec` (3.0), so that every step is one that Ganeti
 * would make too. A node that fails N+1 already may take more; none that holds may come to fail.
 */
import type { ClusterState, Footprint } from './state.ts';

export const refusals = [
  'memory',
  'disk',
  'spindles',
  'spindle-ratio',
  'n+1',
  'vcpu-ratio',
  'exclusion-tag',
  'forthcoming-memory',
  'forthcoming-disk',
  'forthcoming-spindles',
  'forthcoming-spindle-ratio',
  'forthcoming-vcpu-ratio',
] as const;
export type Refusal = (typeof refusals)[number];

/**
 * The first rule that stands against it as primary, in Ganeti's order.
 * @param hasDisk its disks are on the node already: it changes from secondary to primary
 * @param reserved what the node must keep free for others, without it
 * @param force only what cannot be at all: room in memory and on disk. Its other node is down
 */
export function refusesPrimary(
  state: ClusterState,
  f: Footprint,
  n: number,
  hasDisk: boolean,
  reserved: number,
  force: boolean,
): Refusal | undefined {
  const soft = !force;
  const forth = state.freeMemForth[n] as number;
  if (!f.forthcoming) {
    const free = state.unallocated[n] as number;
    const left = free - f.runningMemory;
    if (left <= 0) return 'memory';
    const disk = refusesDisk(state, f, n, hasDisk, force);
    if (disk) return disk;
    if (soft && left <= reserved && free > reserved) return 'n+1';
    if (soft && overCommits(state, n, (state.vcpus[n] as number) + f.vcpus)) return 'vcpu-ratio';
    if (soft && clashes(state, f, n)) return 'exclusion-tag';
  }
  if (force) return undefined;
  if (forth - f.memory <= 0) return 'forthcoming-memory';
  const disk = refusesDiskForth(state, f, n, hasDisk);
  if (disk) return disk;
  return overCommits(state, n, (state.vcpusForth[n] as number) + f.vcpus)
    ? 'forthcoming-vcpu-ratio'
    : undefined;
}

/**
 * The first rule that stands against it as secondary.
 * @param before what the node keeps free without it
 * @param reserved what the node would have to keep free with it
 * @param free memory of the node, without it where it was its primary
 * @param freeForth the same with forthcoming instances
 */
export function refusesSecondary(
  state: ClusterState,
  f: Footprint,
  n: number,
  at: { hasDisk: boolean; before: number; reserved: number; free: number; freeForth: number },
  force: boolean,
): Refusal | undefined {
  if (!f.forthcoming) {
    const disk = refusesDisk(state, f, n, at.hasDisk, force);
    if (disk) return disk;
    if (!force && f.reserved > 0 && f.reserved >= at.free) return 'memory';
    if (!force && at.free <= at.reserved && at.free > at.before) return 'n+1';
  }
  if (force) return undefined;
  const disk = refusesDiskForth(state, f, n, at.hasDisk);
  if (disk) return disk;
  return f.reserved > 0 && f.reserved >= at.freeForth ? 'forthcoming-memory' : undefined;
}

/** Where its disks are already only the limits of the node itself can stand against them. */
function refusesDisk(
  state: ClusterState,
  f: Footprint,
  n: number,
  hasDisk: boolean,
  force: boolean,
): Refusal | undefined {
  const disk = hasDisk ? 0 : f.disk;
  if (f.disk > 0 && (state.freeDisk[n] as number) - disk <= 0) return 'disk';
  if (state.data.nodes.exclusiveStorage[n] === 1) {
    if (f.disk === 0 || hasDisk) return undefined;
    const left = f.diskSpindles === undefined ? -1 : (state.freeSpindles[n] as number) - f.diskSpindles;
    return left < 0 ? 'spindles' : undefined;
  }
  const used = (state.spindles[n] as number) + (hasDisk ? 0 : f.spindleUse);
  return !force && f.disk > 0 && used > (state.spindleLimit[n] as number) ? 'spindle-ratio' : undefined;
}

function refusesDiskForth(
  state: ClusterState,
  f: Footprint,
  n: number,
  hasDisk: boolean,
): Refusal | undefined {
  if (f.disk === 0) return undefined;
  const disk = hasDisk ? 0 : f.disk;
  if ((state.freeDiskForth[n] as number) - disk <= 0) return 'forthcoming-disk';
  if (state.data.nodes.exclusiveStorage[n] === 1) {
    if (hasDisk) return undefined;
    const left = f.diskSpindles === undefined ? -1 : (state.freeSpindlesForth[n] as number) - f.diskSpindles;
    return left < 0 ? 'forthcoming-spindles' : undefined;
  }
  const used = (state.spindlesForth[n] as number) + (hasDisk ? 0 : f.spindleUse);
  return used > (state.spindleLimit[n] as number) ? 'forthcoming-spindle-ratio' : undefined;
}

/** Ganeti's ratio counts CPUs without their speed. */
const overCommits = (state: ClusterState, n: number, vcpus: number): boolean =>
  vcpus / (state.data.nodes.cpus[n] as number) > (state.vcpuRatio[n] as number);

function clashes(state: ClusterState, f: Footprint, n: number): boolean {
  const { exclusionCount } = state.tags;
  for (const tag of f.exclusions) if (state.nodeTags.of(n * exclusionCount + tag) > 0) return true;
  return false;
}
