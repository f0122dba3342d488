/** Instances put elsewhere, with the score kept up to date. */
import { weights } from '../engine/components.ts';
import { shared } from '../engine/score.ts';
import type { Spreads } from '../engine/spread.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import { reservedAfter } from './moves.ts';

const NOWHERE: readonly number[] = [];

export class Mover {
  readonly state: ClusterState;
  readonly spreads: Spreads;

  constructor(state: ClusterState, spreads: Spreads) {
    this.state = state;
    this.spreads = spreads;
  }

  /** The score if instance `i` were there; `keep` afterwards makes it so. */
  scoreAt(i: number, p2: number, s2: number): number {
    const { state, spreads } = this;
    const f = state.footprints[i] as Footprint;
    const p = state.primary[i] as number;
    const s = state.secondary[i] as number;
    spreads.reset();
    this.#touch(f, p, p, s, p2, s2);
    if (s >= 0) this.#touch(f, s, p, s, p2, s2);
    if (p2 !== p && p2 !== s) this.#touch(f, p2, p, s, p2, s2);
    if (s2 >= 0 && s2 !== p && s2 !== s) this.#touch(f, s2, p, s, p2, s2);
    spreads.plainChange += this.#domains(f, p, s, p2, s2);
    if (p !== p2 && f.exclusions.length > 0) spreads.plainChange += this.#exclusions(f, p, p2);
    const { house } = state.data;
    if (house && p !== p2) spreads.plainChange += house.change(state, i, p2);
    return spreads.value();
  }

  /** After `scoreAt` of the same place. */
  keep(i: number, p2: number, s2: number): void {
    this.spreads.keep();
    this.state.remove(i);
    this.state.place(i, p2, s2);
  }

  #touch(f: Footprint, n: number, p: number, s: number, p2: number, s2: number): void {
    const primary = (n === p2 ? 1 : 0) - (n === p ? 1 : 0);
    const secondary = (n === s2 ? 1 : 0) - (n === s ? 1 : 0);
    if (primary === 0 && secondary === 0 && p === p2) return;
    this.spreads.touch(f, n, primary, secondary, this.#reserved(f, n, p, s, p2, s2));
  }

  #reserved(f: Footprint, n: number, p: number, s: number, p2: number, s2: number): number {
    if (n === s2) return reservedAfter(this.state, f, p, s, n, p2);
    if (n !== s || f.reserved === 0 || f.forthcoming) return this.state.reserved[n] as number;
    return this.state.peers.maxAfter(n, p, f.reserved, -1, 0);
  }

  /** Failure domains that both nodes share, and wishes not met. */
  #domains(f: Footprint, p: number, s: number, p2: number, s2: number): number {
    return this.#domainsAt(f, p2, s2) - this.#domainsAt(f, p, s);
  }

  #domainsAt(f: Footprint, p: number, s: number): number {
    const { locations } = this.state.tags;
    if (f.forthcoming || this.state.data.nodes.offline[p] === 1) return 0;
    const here = locations[p] as readonly number[];
    const missed = f.wishes.length === 0 ? 0 : f.wishes.length - shared(f.wishes, here);
    return here.length === 0 ? missed : missed + shared(here, locations[s] ?? NOWHERE);
  }

  /** Instances that exclude each other on one node, and in one failure domain. */
  #exclusions(f: Footprint, p: number, p2: number): number {
    const { tags, nodeTags, domainTags, data } = this.state;
    const width = tags.exclusionCount;
    const here = tags.locations[p] as readonly number[];
    const there = tags.locations[p2] as readonly number[];
    const [upHere, upThere] = [data.nodes.offline[p] === 0, data.nodes.offline[p2] === 0];
    let change = 0;
    for (const tag of f.exclusions) {
      if (upHere && nodeTags.of(p * width + tag) > 1) change -= weights.pri_tags_score;
      if (upThere && nodeTags.of(p2 * width + tag) > 0) change += weights.pri_tags_score;
      if (f.forthcoming) continue;
      for (const domain of here)
        if (upHere && !(upThere && there.includes(domain)) && domainTags.of(domain * width + tag) > 1)
          change -= 1;
      for (const domain of there)
        if (upThere && !(upHere && here.includes(domain)) && domainTags.of(domain * width + tag) > 0)
          change += 1;
    }
    return change;
  }
}
