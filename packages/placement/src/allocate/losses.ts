/**
 * N+1 of a whole group: if a node is lost, can everything that ran there run elsewhere? DRBD guests on their secondaries,
 * guests on shared storage anywhere, those with local disks made anew anywhere. Ganeti's hail asks for all nodes of the
 * cluster and refuses everything if one fails; here a new instance may not make a loss fatal that was none before.
 */

import type { ClusterState, Footprint } from '../engine/state.ts';
import { mirrorOf } from '../ganeti/cluster-data.ts';

/** One new instance. */
export interface Newcomer {
  footprint: Footprint;
  primary: number;
  secondary: number;
}

interface Moved {
  /** Runs on its secondary then. */
  node: number;
  memory: number;
}

export class Losses {
  readonly #state: ClusterState;
  /** Nodes that are up, by free memory, most first. */
  readonly #byMemory: number[];
  /** Of each lost node: what fails over, per node together. */
  readonly #failOver = new Map<number, Moved[]>();
  /** Of each lost node: what must find another place, largest first. */
  readonly #homeless = new Map<number, Footprint[]>();
  /** Nodes whose loss can be survived now. */
  readonly #covered: number[];

  /**
   * @param nodes of one group
   * @param primaries instances that have their primary on a node
   */
  constructor(state: ClusterState, nodes: readonly number[], primaries: (n: number) => readonly number[]) {
    this.#state = state;
    const up = nodes.filter((n) => state.data.nodes.offline[n] === 0);
    this.#byMemory = up.toSorted((a, b) => this.#free(b) - this.#free(a));
    for (const n of up) for (const i of primaries(n)) this.#read(n, i);
    for (const list of this.#homeless.values()) list.sort((a, b) => b.memory - a.memory);
    this.#covered = up.filter((n) => this.#survives(n, undefined));
  }

  /** Is every loss that could be survived before survived with it too? */
  accepts(newcomer: Newcomer): boolean {
    return this.#covered.every((n) => this.#survives(n, newcomer));
  }

  #free(n: number): number {
    return this.#state.unallocated[n] as number;
  }

  #read(p: number, i: number): void {
    const { footprints, secondary, instances } = this.#state;
    const f = footprints[i] as Footprint;
    if (f.runningMemory === 0) return;
    const pair = mirrorOf(instances[i]?.template ?? '') === 'internal';
    if (pair) this.#failsOver(p, secondary[i] as number, f);
    else listIn(this.#homeless, p).push(f);
  }

  #failsOver(p: number, s: number, f: Footprint): void {
    const list = listIn(this.#failOver, p);
    const known = list.find(({ node }) => node === s);
    if (known) known.memory += f.runningMemory;
    else list.push({ node: s, memory: f.runningMemory });
  }

  #survives(lost: number, newcomer: Newcomer | undefined): boolean {
    const used = new Map<number, number>();
    const use = (n: number, memory: number) => used.set(n, (used.get(n) ?? 0) + memory);
    const own = newcomer?.primary === lost ? newcomer : undefined;
    if (newcomer && !own) use(newcomer.primary, newcomer.footprint.runningMemory);
    for (const { node, memory } of this.#failOver.get(lost) ?? []) use(node, memory);
    if (own && own.secondary >= 0) use(own.secondary, own.footprint.runningMemory);
    for (const { node } of this.#failOver.get(lost) ?? [])
      if (this.#free(node) <= (used.get(node) ?? 0)) return false;
    if (own && own.secondary >= 0 && this.#free(own.secondary) <= (used.get(own.secondary) ?? 0))
      return false;
    return this.#housesAll(lost, used, own, newcomer);
  }

  #housesAll(
    lost: number,
    used: Map<number, number>,
    own: Newcomer | undefined,
    newcomer: Newcomer | undefined,
  ): boolean {
    const homeless = this.#homeless.get(lost) ?? [];
    const all = own && own.secondary < 0 ? [...homeless, own.footprint] : homeless;
    if (all.length === 0) return true;
    const disk = new Map<number, number>();
    if (newcomer)
      for (const n of [newcomer.primary, newcomer.secondary]) disk.set(n, newcomer.footprint.disk);
    return all.every((f) => {
      const place = this.#byMemory.find((n) => n !== lost && this.#fits(n, f, used, disk));
      if (place === undefined) return false;
      used.set(place, (used.get(place) ?? 0) + f.runningMemory);
      disk.set(place, (disk.get(place) ?? 0) + f.disk);
      return true;
    });
  }

  #fits(n: number, f: Footprint, used: Map<number, number>, disk: Map<number, number>): boolean {
    if (this.#free(n) - (used.get(n) ?? 0) - f.runningMemory <= 0) return false;
    if (f.disk === 0) return true;
    return (this.#state.freeDisk[n] as number) - (disk.get(n) ?? 0) - f.disk > 0;
  }
}

function listIn<T>(map: Map<number, T[]>, key: number): T[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
