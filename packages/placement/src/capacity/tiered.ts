/** The largest instances that the policy allows first, then smaller ones, until nothing fits any more. */
import { Allocator } from '../allocate/allocate.ts';
import { refusalCounts } from '../allocate/refusal-counts.ts';
import { verdictsFor } from '../allocate/verdicts.ts';
import { ClusterState, footprintOf } from '../engine/state.ts';
import type { ClusterData, InstanceSpec } from '../ganeti/cluster-data.ts';
import type { FillOptions } from './fill.ts';

/** Ganeti shrinks by these: MiB of memory, MiB of disk, one vCPU. */
const UNITS = { memory: 64, disk: 256, vcpus: 1 } as const;
export type Measure = keyof typeof UNITS;
const measures: readonly Measure[] = ['memory', 'disk', 'vcpus'];

export interface Tier {
  memory: number;
  disk: number;
  vcpus: number;
  count: number;
}

/** The sizes that fitted, in order, and the filled cluster. */
export interface Tiers {
  tiers: Tier[];
  state: ClusterState;
  count: number;
}

/** The next smaller size of which one fits; undefined: none does. */
type Shrink = (room: Room, size: InstanceSpec) => InstanceSpec | undefined;

/** Several ways to shrink; the one that gets most instances in. */
export function fillTiered(data: ClusterData, largest: InstanceSpec, options: FillOptions): Tiers {
  const ways = [shrinkLeast, shrinkScarcest, shrinkAll];
  const found = ways.map((shrink) => fillShrinking(data, largest, options, shrink));
  return found.reduce((best, one) => (one.count > best.count ? one : best));
}

function fillShrinking(
  data: ClusterData,
  largest: InstanceSpec,
  options: FillOptions,
  shrink: Shrink,
): Tiers {
  const room = new Room(data);
  const tiers: Tier[] = [];
  let size: InstanceSpec | undefined = largest;
  let count = 0;
  while (size && count < (options.limit ?? Number.POSITIVE_INFINITY)) {
    if (!room.put(size, `new-${count}`)) {
      size = shrink(room, size);
      continue;
    }
    count += 1;
    const { memory, disk, vcpus } = size;
    const last = tiers.at(-1);
    if (last && last.memory === memory && last.disk === disk && last.vcpus === vcpus) last.count += 1;
    else tiers.push({ memory, disk, vcpus, count: 1 });
  }
  return { tiers, state: room.state, count };
}

/** A cluster that is being filled. */
class Room {
  readonly state: ClusterState;
  readonly #allocator: Allocator;

  constructor(data: ClusterData) {
    this.state = new ClusterState(data);
    this.#allocator = new Allocator(this.state);
  }

  fits(spec: InstanceSpec): boolean {
    return this.#find(spec) !== undefined;
  }

  put(spec: InstanceSpec, name: string): boolean {
    const place = this.#find(spec);
    if (place) this.#allocator.add({ ...spec, name }, footprintOf(spec), place);
    return place !== undefined;
  }

  #find(spec: InstanceSpec) {
    const f = footprintOf(spec);
    const verdicts = verdictsFor(this.state, spec, f, {});
    return this.#allocator.find(spec, f, verdicts, { ignoreCapacity: true, tiers: false });
  }
}

/** As large as possible: the smallest part of one measure is taken away, or else of all of them. */
function shrinkLeast(room: Room, size: InstanceSpec): InstanceSpec | undefined {
  const found = measures.flatMap((measure) => {
    const smaller = shrinkOne(room, size, measure);
    return smaller ? [{ smaller, kept: smaller[measure] / size[measure] }] : [];
  });
  return found.sort((a, b) => b.kept - a.kept)[0]?.smaller ?? shrinkAll(room, size);
}

/** As hspace does: what most pairs of nodes are short of shrinks a little, until one fits. */
function shrinkScarcest(room: Room, size: InstanceSpec): InstanceSpec | undefined {
  let smaller = size;
  for (;;) {
    const { scarce, open } = refusalCounts(room.state, smaller);
    if (open && room.fits(smaller)) return smaller;
    const [measure] = scarce;
    if (!measure) break;
    const value = smaller[measure] - step(smaller[measure], UNITS[measure]);
    if (value < UNITS[measure]) break;
    smaller = shrunk(smaller, measure, value);
  }
  for (const measure of refusalCounts(room.state, size).scarce) {
    const one = shrinkOne(room, size, measure);
    if (one) return one;
  }
  return undefined;
}

/** Whole units, and one part in 64 of what is large. */
const step = (value: number, unit: number): number => unit * Math.max(1, Math.floor(value / unit / 64));

function shrinkOne(room: Room, size: InstanceSpec, measure: Measure): InstanceSpec | undefined {
  const unit = UNITS[measure];
  const value = largestThatFits(size[measure], unit, (less) => room.fits(shrunk(size, measure, less)));
  return value === 0 ? undefined : shrunk(size, measure, value);
}

const PARTS = 64;
function shrinkAll(room: Room, size: InstanceSpec): InstanceSpec | undefined {
  const scaled = (parts: number) =>
    measures.reduce((spec, m) => shrunk(spec, m, rounded((size[m] * parts) / PARTS, UNITS[m])), size);
  const parts = largestThatFits(PARTS, 1, (less) => room.fits(scaled(less)));
  return parts === 0 ? undefined : scaled(parts);
}

const rounded = (value: number, unit: number): number => Math.max(unit, Math.floor(value / unit) * unit);

function shrunk(spec: InstanceSpec, measure: Measure, value: number): InstanceSpec {
  return measure === 'disk' ? { ...spec, disk: value, disks: [value] } : { ...spec, [measure]: value };
}

/** Less fits where more does, but for what a policy asks for at least. 0: nothing below `value` does. */
function largestThatFits(value: number, unit: number, fits: (value: number) => boolean): number {
  const at = (steps: number) => value - steps * unit;
  let [no, yes] = [0, Math.ceil(value / unit) - 1];
  while (yes > 0 && !fits(at(yes))) {
    // Below what the policy asks for nothing fits: look further up.
    if (yes - no <= 1) return 0;
    yes = Math.floor((no + yes) / 2);
  }
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (fits(at(middle))) yes = middle;
    else no = middle;
  }
  return yes > 0 ? at(yes) : 0;
}
