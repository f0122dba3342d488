/** Placing one new instance: the node, or the pair of nodes, that leaves the cluster with the best score. */

import { allNodes, nodesOfGroup } from '../engine/score.ts';
import { Spreads } from '../engine/spread.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import { type AllocPolicy, type InstanceSpec, needsSecondary } from '../ganeti/cluster-data.ts';
import { Losses } from './losses.ts';
import { type Accept, bestPair, type Candidates, type Pair } from './pair-search.ts';
import { domainCost, EffectsOfRoles, sharedDomains } from './role-effects.ts';
import type { Verdicts } from './verdicts.ts';

export interface FindOptions {
  /** May it make the loss of a node fatal that was none before? Ganeti: `--no-capacity-checks`. */
  ignoreCapacity?: boolean;
  /** Only where the preferred groups are full those of last resort; false: all are alike. */
  tiers?: boolean;
}

/** `secondary` is -1 where there is none. */
export type Place = Pair;

/** What one search needs of a state; kept while instances are added one after the other. */
export class Allocator {
  readonly state: ClusterState;
  readonly spreads: Spreads;
  /** Instances by primary, once they are asked for. */
  #residents: number[][] | undefined;
  #effects: EffectsOfRoles | undefined;

  constructor(state: ClusterState) {
    this.state = state;
    this.spreads = new Spreads(state, allNodes(state));
  }

  /** The best place in the preferred groups, or else in those of last resort. Undefined: none. */
  find(spec: InstanceSpec, f: Footprint, verdicts: Verdicts, options: FindOptions): Place | undefined {
    const accept = options.ignoreCapacity === true ? () => true : this.#coveredLosses(f);
    const policies: AllocPolicy[] = ['preferred', 'last_resort'];
    for (const tier of options.tiers === false ? [policies] : policies.map((policy) => [policy])) {
      const groups = this.state.data.groups.flatMap(({ policy }, g) => (tier.includes(policy) ? [g] : []));
      const candidates = this.#candidates(groups, verdicts);
      const place = needsSecondary(spec.template)
        ? bestPair(this.state, this.spreads, f, candidates, accept, this.#roles())
        : this.#single(f, candidates, accept);
      if (place) return place;
    }
    return undefined;
  }

  #roles(): EffectsOfRoles {
    this.#effects ??= new EffectsOfRoles(this.state.data.nodes.count, this.spreads);
    return this.#effects;
  }

  /** Puts one there, and keeps the score up to date. */
  add(
    spec: InstanceSpec,
    f: Footprint,
    { primary: p, secondary: s }: { primary: number; secondary: number },
  ): void {
    const { state, spreads } = this;
    spreads.reset();
    spreads.touch(f, p, 1, 0, state.reserved[p] as number);
    if (s >= 0)
      spreads.touch(f, s, 0, 1, Math.max(state.reserved[s] as number, state.peers.of(s, p) + f.reserved));
    spreads.plainChange += domainCost(state, f, p) + (s < 0 ? 0 : sharedDomains(state, f, p, s));
    spreads.keep();
    state.add(spec, f, p, s);
    this.#residents?.[p]?.push(state.instances.length - 1);
  }

  #candidates(groups: readonly number[], { primary, secondary }: Verdicts): Candidates[] {
    const found = new Map(groups.map((g) => [g, { primaries: [] as number[], secondaries: [] as number[] }]));
    const { group } = this.state.data.nodes;
    for (let n = 0; n < group.length; n += 1) {
      const own = found.get(group[n] as number);
      if (!own) continue;
      if (primary[n] === undefined) own.primaries.push(n);
      if (secondary[n] === undefined) own.secondaries.push(n);
    }
    return [...found.values()];
  }

  #single(f: Footprint, groups: readonly Candidates[], accept: Accept): Place | undefined {
    const places: Place[] = [];
    for (const { primaries } of groups)
      for (const n of primaries) {
        this.spreads.reset();
        this.spreads.touch(f, n, 1, 0, this.state.reserved[n] as number);
        const score = this.spreads.value() + domainCost(this.state, f, n);
        places.push({ primary: n, secondary: -1, score });
      }
    this.spreads.reset();
    places.sort((a, b) => a.score - b.score);
    return places.find(({ primary }) => accept(primary, -1));
  }

  #primaries(n: number): readonly number[] {
    this.#residents ??= this.#byPrimary();
    return this.#residents[n] as number[];
  }

  #byPrimary(): number[][] {
    const { primary, data } = this.state;
    const lists: number[][] = Array.from({ length: data.nodes.count }, () => []);
    for (let i = 0; i < primary.length; i += 1) lists[primary[i] as number]?.push(i);
    return lists;
  }

  /** Read group by group, when first asked about. */
  #coveredLosses(footprint: Footprint): Accept {
    const known = new Map<number, Losses>();
    return (primary, secondary) => {
      const group = this.state.data.nodes.group[primary] as number;
      const losses =
        known.get(group) ??
        new Losses(this.state, nodesOfGroup(this.state, group), (n) => this.#primaries(n));
      known.set(group, losses);
      return losses.accepts({ footprint, primary, secondary });
    };
  }
}
