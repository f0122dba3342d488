/**
 * What putting an instance somewhere does to the score, role by role. Most of it belongs to one node alone: the memory and
 * CPUs of the primary, the reserve of the secondary. Only the spreads that both nodes change (disk, guests, spindles) couple
 * the two, and only weakly: that makes it possible to say what a primary can reach at best without trying its secondaries.
 */
import { SPREADS } from '../engine/moments.ts';
import { shared } from '../engine/score.ts';
import type { Spreads } from '../engine/spread.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';

const COUPLED = [
  SPREADS.guests,
  SPREADS.disk,
  SPREADS.spindles,
  SPREADS.diskForth,
  SPREADS.spindlesForth,
] as const;

/** One role: per node what changes. */
export class RoleEffects {
  /** Score of what belongs to the node alone. */
  readonly own: Float64Array;
  /** Of the coupled spreads, node by node: change of the sum, and of the variance were the node alone. */
  readonly sum: Float64Array;
  readonly variance: Float64Array;
  readonly coupled: readonly number[];

  constructor(nodes: number, spreads: Spreads) {
    this.coupled = COUPLED.filter((k) => k < spreads.count);
    this.own = new Float64Array(nodes);
    this.sum = new Float64Array(nodes * this.coupled.length);
    this.variance = new Float64Array(nodes * this.coupled.length);
  }

  clear(): this {
    this.own.fill(0);
    this.sum.fill(0);
    this.variance.fill(0);
    return this;
  }
}

/** Both roles, to be used again: whoever fills a cluster asks thousands of times, and V8 pays dearly for large arrays. */
export class EffectsOfRoles {
  readonly primary: RoleEffects;
  readonly secondary: RoleEffects;

  constructor(nodes: number, spreads: Spreads) {
    this.primary = new RoleEffects(nodes, spreads);
    this.secondary = new RoleEffects(nodes, spreads);
  }
}

/** Reads the touched change of one node into `effects`. @param extra what else it costs */
function take(spreads: Spreads, n: number, effects: RoleEffects, extra: number): void {
  const per = 1 / spreads.online;
  let own = spreads.plainChange + extra;
  for (let k = 0; k < spreads.count; k += 1) {
    const sum = spreads.sumChange[k] as number;
    const squares = spreads.squaresChange[k] as number;
    if (sum === 0 && squares === 0) continue;
    const before = varianceOf(spreads, k);
    const change = squares * per - (2 * (spreads.sum[k] as number) * sum + sum * sum) * per * per;
    const at = effects.coupled.indexOf(k);
    if (at < 0) own += (spreads.weight[k] as number) * (root(before + change) - root(before));
    else {
      effects.sum[n * effects.coupled.length + at] = sum;
      effects.variance[n * effects.coupled.length + at] = change;
    }
  }
  effects.own[n] = own;
}

/** 0 of what rounding left below 0. */
export const root = (value: number): number => (value > 0 ? Math.sqrt(value) : 0);
export function varianceOf(spreads: Spreads, k: number): number {
  const mean = (spreads.sum[k] as number) / spreads.online;
  return (spreads.squares[k] as number) / spreads.online - mean * mean;
}

/** The instance as primary on each of these nodes. */
export function primaryEffects(
  state: ClusterState,
  spreads: Spreads,
  f: Footprint,
  nodes: readonly number[],
  effects: RoleEffects,
): RoleEffects {
  effects.clear();
  for (const n of nodes) {
    spreads.reset();
    spreads.touch(f, n, 1, 0, state.reserved[n] as number);
    take(spreads, n, effects, domainCost(state, f, n));
  }
  spreads.reset();
  return effects;
}

/** The instance as secondary on each of these nodes; what they keep is left out of it. */
export function secondaryEffects(
  state: ClusterState,
  spreads: Spreads,
  f: Footprint,
  nodes: readonly number[],
  effects: RoleEffects,
): RoleEffects {
  effects.clear();
  for (const n of nodes) {
    spreads.reset();
    spreads.touch(f, n, 0, 1, Math.max(state.reserved[n] as number, f.reserved));
    take(spreads, n, effects, 0);
  }
  spreads.reset();
  return effects;
}

/** Wishes that the node does not meet, and domains that hold such an instance already. */
export function domainCost({ tags, domainTags }: ClusterState, f: Footprint, n: number): number {
  if (f.forthcoming) return 0;
  const here = tags.locations[n] ?? [];
  let cost = 0;
  for (const wish of f.wishes) if (!here.includes(wish)) cost += 1;
  for (const tag of f.exclusions)
    for (const location of here) if (domainTags.of(location * tags.exclusionCount + tag) > 0) cost += 1;
  return cost;
}

/** Failure domains that two nodes share. */
export function sharedDomains({ tags }: ClusterState, f: Footprint, a: number, b: number): number {
  if (f.forthcoming) return 0;
  return shared(tags.locations[a] ?? [], tags.locations[b] ?? []);
}
