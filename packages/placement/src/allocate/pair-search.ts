/**
 * The best pair of nodes for an instance, by the score of the whole cluster. Equal to trying every pair; primaries are
 * tried in the order of what they can reach at best, and those that cannot beat what is found are left out.
 */
import type { Spreads } from '../engine/spread.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import { SecondaryLimits } from './pair-bounds.ts';
import {
  domainCost,
  type EffectsOfRoles,
  primaryEffects,
  type RoleEffects,
  root,
  secondaryEffects,
  sharedDomains,
  varianceOf,
} from './role-effects.ts';
import { secondaryRefusal } from './verdicts.ts';

export interface Pair {
  primary: number;
  secondary: number;
  score: number;
}

/** Candidates of one group. */
export interface Candidates {
  primaries: readonly number[];
  secondaries: readonly number[];
}

/** May the instance be there for reasons that no score sees? Asked only about pairs that would be best. */
export type Accept = (primary: number, secondary: number) => boolean;

/** Undefined: there is no pair. */
export function bestPair(
  state: ClusterState,
  spreads: Spreads,
  footprint: Footprint,
  groups: readonly Candidates[],
  accept: Accept,
  effects: EffectsOfRoles,
): Pair | undefined {
  const search = new PairSearch(state, spreads, footprint, groups, accept, effects);
  // First what is best by far: each pair that would be best is asked about, which is not for nothing.
  search.run();
  for (const group of groups) search.withKnownPeers(group);
  return search.best;
}

class PairSearch {
  best: Pair | undefined;
  readonly #state: ClusterState;
  readonly #spreads: Spreads;
  readonly #f: Footprint;
  readonly #accept: Accept;
  readonly #groups: readonly Candidates[];
  readonly #p: RoleEffects;
  readonly #s: RoleEffects;
  /** Score of what neither node changes. */
  readonly #base: number;
  readonly #variance: Float64Array;

  constructor(
    state: ClusterState,
    spreads: Spreads,
    f: Footprint,
    groups: readonly Candidates[],
    accept: Accept,
    effects: EffectsOfRoles,
  ) {
    this.#state = state;
    this.#spreads = spreads;
    this.#f = f;
    this.#accept = accept;
    this.#groups = groups;
    this.#p = primaryEffects(
      state,
      spreads,
      f,
      groups.flatMap(({ primaries }) => primaries),
      effects.primary,
    );
    this.#s = secondaryEffects(
      state,
      spreads,
      f,
      groups.flatMap(({ secondaries }) => secondaries),
      effects.secondary,
    );
    this.#variance = Float64Array.from(this.#p.coupled, (k) => varianceOf(spreads, k));
    let base = spreads.value();
    for (const [c, k] of this.#p.coupled.entries())
      base -= (spreads.weight[k] as number) * root(this.#variance[c] as number);
    this.#base = base;
  }

  run(): void {
    const bounds = this.#groups.map((group) => this.#bounds(group));
    for (;;) {
      let [at, row, low] = [-1, -1, this.best?.score ?? Number.POSITIVE_INFINITY];
      for (let g = 0; g < bounds.length; g += 1) {
        const rows = bounds[g] as Float64Array;
        for (let i = 0; i < rows.length; i += 1)
          if ((rows[i] as number) < low) [at, row, low] = [g, i, rows[i] as number];
      }
      if (at < 0) return;
      (bounds[at] as Float64Array)[row] = Number.POSITIVE_INFINITY;
      const { primaries, secondaries } = this.#groups[at] as Candidates;
      this.#row(primaries[row] as number, secondaries);
    }
  }

  /** Pairs whose secondary keeps memory for the primary already, so that it would have to keep more. */
  withKnownPeers({ primaries, secondaries }: Candidates): void {
    const { peers } = this.#state;
    const possible = new Uint8Array(this.#state.data.nodes.count);
    for (const p of primaries) possible[p] = 1;
    for (const s of secondaries)
      for (const p of peers.primaries(s)) if (possible[p] === 1 && this.#keepsMore(p, s)) this.#tryPeer(p, s);
  }

  #row(p: number, secondaries: readonly number[]): void {
    for (let i = 0; i < secondaries.length; i += 1) {
      const s = secondaries[i] as number;
      const score = this.#score(p, s);
      if (score >= (this.best?.score ?? Number.POSITIVE_INFINITY) || s === p || this.#keepsMore(p, s))
        continue;
      this.#offer(p, s, score + sharedDomains(this.#state, this.#f, p, s));
    }
  }

  /** Does the secondary keep so much for the primary already that this decides what it must keep? */
  #keepsMore(p: number, s: number): boolean {
    const needed = this.#state.peers.of(s, p) + this.#f.reserved;
    return needed > Math.max(this.#state.reserved[s] as number, this.#f.reserved);
  }

  #tryPeer(p: number, s: number): void {
    const needed = this.#state.peers.of(s, p) + this.#f.reserved;
    if (p === s || secondaryRefusal(this.#state, this.#f, s, needed) !== undefined) return;
    const spreads = this.#spreads;
    spreads.reset();
    spreads.touch(this.#f, p, 1, 0, this.#state.reserved[p] as number);
    spreads.touch(this.#f, s, 0, 1, needed);
    const score =
      spreads.value() + domainCost(this.#state, this.#f, p) + sharedDomains(this.#state, this.#f, p, s);
    spreads.reset();
    this.#offer(p, s, score);
  }

  #offer(primary: number, secondary: number, score: number): void {
    if (score >= (this.best?.score ?? Number.POSITIVE_INFINITY)) return;
    if (this.#accept(primary, secondary)) this.best = { primary, secondary, score };
  }

  /** Without shared failure domains. */
  #score(p: number, s: number): number {
    const { coupled } = this.#p;
    const width = coupled.length;
    const per = 1 / this.#spreads.online;
    let score = this.#base + (this.#p.own[p] as number) + (this.#s.own[s] as number);
    for (let c = 0; c < width; c += 1) {
      const cross = 2 * (this.#p.sum[p * width + c] as number) * (this.#s.sum[s * width + c] as number);
      const change =
        (this.#p.variance[p * width + c] as number) + (this.#s.variance[s * width + c] as number);
      const variance = (this.#variance[c] as number) + change - cross * per * per;
      if (variance > 0) score += (this.#spreads.weight[coupled[c] as number] as number) * Math.sqrt(variance);
    }
    return score;
  }

  /** What each primary can reach at best. */
  #bounds({ primaries, secondaries }: Candidates): Float64Array {
    const limits = new SecondaryLimits(this.#s, secondaries, this.#spreads, this.#variance);
    const bounds = new Float64Array(primaries.length);
    for (let i = 0; i < bounds.length; i += 1)
      bounds[i] = this.#base + limits.lowest(this.#p, primaries[i] as number);
    return bounds;
  }
}
