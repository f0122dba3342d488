/**
 * Memory that each node keeps for the guests whose secondary it is, per node where they run: the one that needs most,
 * should it fail, is what the node must keep free (N+1). Few peers per node, so lists are searched one by one.
 */
export class Peers {
  readonly #nodes: number[][];
  readonly #memory: number[][];

  constructor(nodes: number) {
    this.#nodes = Array.from({ length: nodes }, () => []);
    this.#memory = Array.from({ length: nodes }, () => []);
  }

  /** MiB that `node` keeps for guests of `primary`. */
  of(node: number, primary: number): number {
    const at = (this.#nodes[node] as number[]).indexOf(primary);
    return at < 0 ? 0 : ((this.#memory[node] as number[])[at] as number);
  }

  /** Nodes for which `node` keeps memory. */
  primaries(node: number): readonly number[] {
    return this.#nodes[node] as number[];
  }

  /** Keeps `memory` more, or less if negative. */
  add(node: number, primary: number, memory: number): void {
    const nodes = this.#nodes[node] as number[];
    const kept = this.#memory[node] as number[];
    const at = nodes.indexOf(primary);
    if (at < 0) {
      nodes.push(primary);
      kept.push(memory);
      return;
    }
    kept[at] = (kept[at] as number) + memory;
    if (kept[at] !== 0) return;
    // The order of peers means nothing: the last one takes the place of the one that goes.
    nodes[at] = nodes.at(-1) as number;
    kept[at] = kept.at(-1) as number;
    nodes.pop();
    kept.pop();
  }

  /** The most that one peer needs. */
  max(node: number): number {
    let most = 0;
    for (const memory of this.#memory[node] as number[]) if (memory > most) most = memory;
    return most;
  }

  /** What `max` would be with `less` taken from `without` and `more` given to `plus` (-1: nobody). */
  maxAfter(node: number, without: number, less: number, plus: number, more: number): number {
    const nodes = this.#nodes[node] as number[];
    const kept = this.#memory[node] as number[];
    let most = plus < 0 ? 0 : more;
    for (let i = 0; i < nodes.length; i += 1) {
      const peer = nodes[i];
      let memory = kept[i] as number;
      if (peer === without) memory -= less;
      if (peer === plus) memory += more;
      if (memory > most) most = memory;
    }
    return most;
  }
}

/** How often things occur, by a number. */
export class Counts {
  readonly #counts = new Map<number, number>();

  of(key: number): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: number, by: number): void {
    const count = this.of(key) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }

  /** Occurrences beyond the first of each. */
  repeats(): number {
    let repeats = 0;
    for (const count of this.#counts.values()) repeats += count - 1;
    return repeats;
  }

  each(visit: (count: number, key: number) => void): void {
    this.#counts.forEach(visit);
  }
}
