/** Mean and squares of what the score spreads over the nodes that are up: read once for the score and for its increments. */
import type { ClusterState } from './state.ts';

/** Spreads by their index. */
export const SPREADS = {
  memory: 0,
  memoryForth: 1,
  reserved: 2,
  primaries: 3,
  guests: 4,
  disk: 5,
  cpu: 6,
  spindles: 7,
  diskForth: 8,
  cpuForth: 9,
  spindlesForth: 10,
} as const;

/** Without forthcoming instances the last three are what the three before them are. */
export const WITHOUT_FORTHCOMING = 8;

export interface Moments {
  /** Of each spread. */
  mean: Float64Array;
  /** Sum of the differences to the mean: what rounding left. */
  sum: Float64Array;
  /** Sum of their squares. */
  squares: Float64Array;
  /** Number of nodes. */
  count: number;
}

/** @param nodes those that are up */
export function momentsOf(state: ClusterState, nodes: readonly number[]): Moments {
  const width = state.hasForthcoming ? Object.keys(SPREADS).length : WITHOUT_FORTHCOMING;
  const count = nodes.length;
  const values = new Float64Array(width * count);
  for (let row = 0; row < count; row += 1) readNode(state, nodes[row] as number, values, row * width, width);
  const [mean, sum, squares] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  for (let k = 0; k < width; k += 1) {
    mean[k] = meanOf(values, k, width, count);
    sumUp(values, k, width, mean[k] as number, sum, squares);
  }
  return { mean, sum, squares, count };
}

/** Of the whole population. */
export const deviation = ({ squares, count }: Moments, k: number): number =>
  count === 0 ? 0 : Math.sqrt((squares[k] as number) / count);

function meanOf(values: Float64Array, from: number, step: number, count: number): number {
  let sum = 0;
  for (let at = from; at < values.length; at += step) sum += values[at] as number;
  return sum / count;
}

function sumUp(
  values: Float64Array,
  k: number,
  step: number,
  mean: number,
  sum: Float64Array,
  squares: Float64Array,
): void {
  let [differences, total] = [0, 0];
  for (let at = k; at < values.length; at += step) {
    const difference = (values[at] as number) - mean;
    differences += difference;
    total += difference * difference;
  }
  sum[k] = differences;
  squares[k] = total;
}

/** What one node has of each spread. */
function readNode(state: ClusterState, n: number, into: Float64Array, at: number, width: number): void {
  const { nodes } = state.data;
  const of = (column: ArrayLike<number>) => column[n] as number;
  const memory = of(nodes.totalMem);
  into[at + SPREADS.memory] = of(state.unallocated) / memory;
  into[at + SPREADS.memoryForth] = of(state.freeMemForth) / memory;
  into[at + SPREADS.reserved] = of(state.reserved) / memory;
  into[at + SPREADS.primaries] = of(state.primaries);
  into[at + SPREADS.guests] = of(state.primaries) + of(state.secondaries);
  into[at + SPREADS.disk] = diskShare(state, n, state.freeDisk, state.freeSpindles);
  into[at + SPREADS.cpu] = cpuShare(state, n, state.vcpus);
  into[at + SPREADS.spindles] = spindleShare(state, n, state.spindles);
  if (width === WITHOUT_FORTHCOMING) return;
  into[at + SPREADS.diskForth] = diskShare(state, n, state.freeDiskForth, state.freeSpindlesForth);
  into[at + SPREADS.cpuForth] = cpuShare(state, n, state.vcpusForth);
  into[at + SPREADS.spindlesForth] = spindleShare(state, n, state.spindlesForth);
}

/** Exclusive storage counts spindles instead; a node without disks counts as empty. */
function diskShare({ data }: ClusterState, n: number, disk: Float64Array, spindles: Float64Array): number {
  const exclusive = data.nodes.exclusiveStorage[n] === 1;
  const total = (exclusive ? data.nodes.spindles : data.nodes.totalDisk)[n] as number;
  return total === 0 ? 1 : ((exclusive ? spindles : disk)[n] as number) / total;
}

const cpuShare = ({ data }: ClusterState, n: number, vcpus: Float64Array): number =>
  (vcpus[n] as number) / (data.nodes.cpus[n] as number) / (data.nodes.cpuSpeed[n] as number);

/** Ganeti divides by zero for a node without spindles; here it counts as unused. */
const spindleShare = ({ spindleLimit }: ClusterState, n: number, used: Float64Array): number =>
  spindleLimit[n] === 0 ? 0 : (used[n] as number) / (spindleLimit[n] as number);
