/**
 * The score kept up to date: of every spread (standard deviation over the nodes that are up) the sum and the sum of
 * squares, of everything else the total. What a change of a few nodes would make of it costs constant time: `reset`,
 * `touch` each node that changes, `value`; then `keep` it or not. Values are taken relative to their first mean, as the
 * difference of large sums of squares would lose digits.
 */
import { type Score, weights } from './components.ts';
import { momentsOf, SPREADS, WITHOUT_FORTHCOMING } from './moments.ts';
import { nodesUp, scoreWith } from './score.ts';
import type { ClusterState, Footprint } from './state.ts';

export class Spreads {
  /** How many spreads there are. */
  readonly count: number;
  /** Nodes that are up. */
  readonly online: number;
  /** Of each spread. */
  readonly weight: Float64Array;
  readonly sum: Float64Array;
  readonly squares: Float64Array;
  /** Everything that is not a spread, weighted. */
  plain: number;
  /** What the touched nodes change. */
  readonly sumChange: Float64Array;
  readonly squaresChange: Float64Array;
  plainChange = 0;
  readonly #state: ClusterState;
  readonly #shift: Float64Array;
  readonly #inScope: Uint8Array;
  readonly #perMemory: Float64Array;
  readonly #perDisk: Float64Array;
  readonly #perCpu: Float64Array;
  readonly #perSpindle: Float64Array;

  /** Of all, when it began. */
  readonly score: Score;

  /** @param nodes whose score it is */
  constructor(state: ClusterState, nodes: readonly number[]) {
    const { data } = state;
    this.#state = state;
    const moments = momentsOf(state, nodesUp(state, nodes));
    this.score = scoreWith(state, nodes, moments);
    this.count = moments.mean.length;
    this.online = moments.count;
    this.#inScope = new Uint8Array(data.nodes.count);
    for (const n of nodes) this.#inScope[n] = 1;
    this.weight = spreadWeights(state.hasForthcoming);
    const share = (total: ArrayLike<number>, n: number) => (total[n] ? 1 / (total[n] as number) : 0);
    const per = (value: (n: number) => number) =>
      Float64Array.from({ length: data.nodes.count }, (_, n) => value(n));
    this.#perMemory = per((n) => share(data.nodes.totalMem, n));
    this.#perDisk = per((n) =>
      share(data.nodes.exclusiveStorage[n] === 1 ? data.nodes.spindles : data.nodes.totalDisk, n),
    );
    this.#perCpu = per((n) => share(data.nodes.cpus, n) / (data.nodes.cpuSpeed[n] || 1));
    this.#perSpindle = per((n) => share(state.spindleLimit, n));
    this.#shift = moments.mean;
    this.sum = moments.sum;
    this.squares = moments.squares;
    [this.sumChange, this.squaresChange] = [new Float64Array(this.count), new Float64Array(this.count)];
    this.plain = 0;
    this.plain = this.score.total - this.value();
  }

  reset(): void {
    this.sumChange.fill(0);
    this.squaresChange.fill(0);
    this.plainChange = 0;
  }

  /**
   * A node that changes.
   * @param primary 1: the instance comes as primary, -1: goes, 0: neither
   * @param reserved what the node must keep free then
   */
  touch(f: Footprint, n: number, primary: number, secondary: number, reserved: number): void {
    if (this.#inScope[n] === 0) return;
    const state = this.#state;
    const guests = primary + secondary;
    const real = f.forthcoming ? 0 : 1;
    const guestsNow = (state.primaries[n] as number) + (state.secondaries[n] as number);
    if (state.data.nodes.offline[n] === 1) {
      this.plainChange += real * (guests * weights.offline_all_cnt + primary * weights.offline_pri_cnt);
      return;
    }
    const free = state.unallocated[n] as number;
    const kept = state.reserved[n] as number;
    const freeAfter = free - primary * f.runningMemory;
    const per = this.#perMemory[n] as number;
    if (free <= kept) this.plainChange -= guestsNow;
    if (freeAfter <= reserved) this.plainChange += guestsNow + real * guests;
    this.plainChange += (reserved - kept) * per * weights.reserved_mem_rtotal;
    this.#move(SPREADS.memory, free * per, (freeAfter - free) * per);
    this.#move(SPREADS.memoryForth, (state.freeMemForth[n] as number) * per, -primary * f.memory * per);
    this.#move(SPREADS.reserved, kept * per, (reserved - kept) * per);
    this.#move(SPREADS.primaries, state.primaries[n] as number, real * primary);
    this.#move(SPREADS.guests, guestsNow, real * guests);
    this.#local(f, n, primary, guests, real);
  }

  /** The score with the touched nodes as they would be. */
  value(): number {
    let total = this.plain + this.plainChange;
    const per = 1 / (this.online || 1);
    for (let k = 0; k < this.count; k += 1) {
      const mean = ((this.sum[k] as number) + (this.sumChange[k] as number)) * per;
      const variance = ((this.squares[k] as number) + (this.squaresChange[k] as number)) * per - mean * mean;
      if (variance > 0) total += (this.weight[k] as number) * Math.sqrt(variance);
    }
    return total;
  }

  /** The change has been made: call it after `touch` and before the state is changed. */
  keep(): void {
    for (let k = 0; k < this.count; k += 1) {
      this.sum[k] = (this.sum[k] as number) + (this.sumChange[k] as number);
      this.squares[k] = (this.squares[k] as number) + (this.squaresChange[k] as number);
    }
    this.plain += this.plainChange;
    this.reset();
  }

  #local(f: Footprint, n: number, primary: number, guests: number, real: number): void {
    const state = this.#state;
    const exclusive = state.data.nodes.exclusiveStorage[n] === 1;
    const disk = -guests * (exclusive ? (f.diskSpindles ?? 0) : f.disk) * (this.#perDisk[n] as number);
    const cpu = primary * f.vcpus * (this.#perCpu[n] as number);
    const spindles = exclusive ? 0 : guests * f.spindleUse * (this.#perSpindle[n] as number);
    const free = exclusive ? state.freeSpindles : state.freeDisk;
    const empty = this.#perDisk[n] === 0 ? 1 : 0;
    this.#move(SPREADS.disk, empty + (free[n] as number) * (this.#perDisk[n] as number), real * disk);
    this.#move(SPREADS.cpu, (state.vcpus[n] as number) * (this.#perCpu[n] as number), real * cpu);
    this.#move(
      SPREADS.spindles,
      (state.spindles[n] as number) * (this.#perSpindle[n] as number),
      real * spindles,
    );
    if (this.count === WITHOUT_FORTHCOMING) return;
    const freeForth = exclusive ? state.freeSpindlesForth : state.freeDiskForth;
    this.#move(SPREADS.diskForth, empty + (freeForth[n] as number) * (this.#perDisk[n] as number), disk);
    this.#move(SPREADS.cpuForth, (state.vcpusForth[n] as number) * (this.#perCpu[n] as number), cpu);
    this.#move(
      SPREADS.spindlesForth,
      (state.spindlesForth[n] as number) * (this.#perSpindle[n] as number),
      spindles,
    );
  }

  #move(spread: number, from: number, by: number): void {
    if (by === 0) return;
    this.sumChange[spread] = (this.sumChange[spread] as number) + by;
    this.squaresChange[spread] =
      (this.squaresChange[spread] as number) + by * (2 * (from - (this.#shift[spread] as number)) + by);
  }
}

function spreadWeights(hasForthcoming: boolean): Float64Array {
  const w = weights;
  const all = [
    w.free_mem_cv,
    w.free_mem_cv_forth,
    w.reserved_mem_cv,
    w.cpu_load_cv + w.mem_load_cv + w.net_load_cv,
    w.disk_load_cv,
    w.free_disk_cv,
    w.vcpu_ratio_cv,
    w.spindles_cv,
    w.free_disk_cv_forth,
    w.vcpu_ratio_cv_forth,
    w.spindles_cv_forth,
  ];
  if (hasForthcoming) return Float64Array.from(all);
  const forth = all.splice(WITHOUT_FORTHCOMING);
  return Float64Array.from(all, (weight, k) => weight + (forth[k - SPREADS.disk] ?? 0));
}
