/**
 * Looks for places with a low score by simulated annealing: any instance may go anywhere that the rules allow, and worse
 * places are accepted with a probability that falls with time. Taking the best single step again and again, as hbal does,
 * stops where no one move helps; this does not. Each move that the result takes has a price, which rises while there are
 * more than asked for, so that gain is not bought with any number of copied disks.
 */
import { refusesPrimary, refusesSecondary } from '../engine/limits.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';
import type { Mover } from './mover.ts';
import { movesBetween, reservedAfter } from './moves.ts';
import type { Random } from './random.ts';

export interface AnnealOptions {
  /** Instances that may move. */
  movable: readonly number[];
  /** Nodes that may take them. */
  targets: readonly number[];
  steps: number;
  /** Score that a move must be worth at least. */
  price: number;
  /** Most moves of the result. */
  maxMoves: number;
  /** Where it starts and ends: scores by which a worse place is accepted with probability 1/e. */
  hot: number;
  cold: number;
}

/** Places by instance. */
export interface Places {
  primary: ArrayLike<number>;
  secondary: ArrayLike<number>;
}

/** After so many steps the price of a move is looked at. */
const PRICE_PERIOD = 256;
/** By how much it rises and falls then. Slowly enough that the places follow. */
const [DEARER, CHEAPER] = [1.15, 0.93];
const MOST_PRICE = 4;

/**
 * Changes the state behind `mover` on its way and leaves it at the best places with at most that many moves.
 * @param from where the instances really are: moves are counted from there
 * @returns whether there were such places
 */
export function anneal(mover: Mover, from: Places, options: AnnealOptions, random: Random): boolean {
  return new Annealing(mover, from, options, random).run();
}

class Annealing {
  readonly #mover: Mover;
  readonly #state: ClusterState;
  readonly #from: Places;
  readonly #options: AnnealOptions;
  readonly #random: Random;
  #score: number;
  #moves = 0;
  #price: number;
  #best = Number.POSITIVE_INFINITY;
  /** The best places are the present ones, and not yet written down. */
  #atBest = false;
  #kept: Places | undefined;
  /** Where the instance that is being tried would go. */
  #p2 = 0;
  #s2 = 0;

  constructor(mover: Mover, from: Places, options: AnnealOptions, random: Random) {
    this.#mover = mover;
    this.#state = mover.state;
    this.#from = from;
    this.#options = options;
    this.#random = random;
    this.#price = options.price;
    this.#score = mover.spreads.value();
    for (const i of options.movable) this.#moves += this.#movesNow(i);
    this.#judge();
  }

  run(): boolean {
    const { movable, targets, steps, hot, cold } = this.#options;
    const cooling = (cold / hot) ** (1 / steps);
    let heat = hot;
    if (movable.length > 0 && targets.length > 1)
      for (let step = 0; step < steps; step += 1) {
        heat *= cooling;
        if (step % PRICE_PERIOD === 0) this.#setPrice();
        this.#try(movable[this.#random.below(movable.length)] as number, heat);
      }
    this.#mover.spreads.reset();
    if (!this.#atBest && this.#kept) this.#restore(this.#kept);
    return this.#atBest || this.#kept !== undefined;
  }

  #setPrice(): void {
    const factor = this.#moves > this.#options.maxMoves ? DEARER : CHEAPER;
    this.#price = Math.min(MOST_PRICE, Math.max(this.#options.price, this.#price * factor));
  }

  #try(i: number, heat: number): void {
    if (!this.#propose(i)) return;
    const moves = this.#moves - this.#movesNow(i) + this.#cost(i, this.#p2, this.#s2);
    const after = this.#mover.scoreAt(i, this.#p2, this.#s2);
    const worse = after - this.#score + this.#price * (moves - this.#moves);
    if (worse > 0 && this.#random.next() >= Math.exp(-worse / heat)) return;
    if (!this.#allowed(i)) return;
    if (this.#atBest) this.#leaveBest(after, moves);
    this.#mover.keep(i, this.#p2, this.#s2);
    this.#score = after;
    this.#moves = moves;
    this.#judge();
  }

  #judge(): void {
    const value = this.#score + this.#options.price * this.#moves;
    this.#atBest = this.#moves <= this.#options.maxMoves && value < this.#best - 1e-9;
    if (this.#atBest) this.#best = value;
  }

  /** The best places are written down only when a step does not lead to still better ones. */
  #leaveBest(score: number, moves: number): void {
    const better = moves <= this.#options.maxMoves && score + this.#options.price * moves < this.#best - 1e-9;
    if (better) return;
    this.#kept = { primary: this.#state.primary.slice(), secondary: this.#state.secondary.slice() };
  }

  /** Chooses another place for it; false: this one is none. */
  #propose(i: number): boolean {
    const p = this.#state.primary[i] as number;
    const s = this.#state.secondary[i] as number;
    const n = this.#target();
    const choice = this.#random.next();
    if (choice < 0.1) this.#to(this.#from.primary[i] as number, this.#from.secondary[i] as number);
    else if (s < 0) this.#to(n, -1);
    else if (choice < 0.2) this.#to(s, p);
    else if (choice < 0.5) this.#to(p, n);
    else if (choice < 0.8) this.#to(n, s);
    else if (choice < 0.87) this.#to(n, p);
    else if (choice < 0.94) this.#to(s, n);
    else this.#to(n, this.#target());
    return this.#p2 !== this.#s2 && (this.#p2 !== p || this.#s2 !== s);
  }

  #to(p2: number, s2: number): void {
    this.#p2 = p2;
    this.#s2 = s2;
  }

  #target(): number {
    return this.#options.targets[this.#random.below(this.#options.targets.length)] as number;
  }

  #movesNow(i: number): number {
    return this.#cost(i, this.#state.primary[i] as number, this.#state.secondary[i] as number);
  }

  #cost(i: number, p2: number, s2: number): number {
    return movesBetween(this.#from.primary[i] as number, this.#from.secondary[i] as number, p2, s2);
  }

  /** May it be there? How it gets there is another matter: see `order.ts`. */
  #allowed(i: number): boolean {
    const state = this.#state;
    const { offline } = state.data.nodes;
    const [p2, s2] = [this.#p2, this.#s2];
    if (offline[p2] === 1 || (s2 >= 0 && offline[s2] === 1)) return false;
    const f = state.footprints[i] as Footprint;
    const p = state.primary[i] as number;
    const s = state.secondary[i] as number;
    if (p2 !== p && refusesPrimary(state, f, p2, p2 === s, this.#keptWithout(f, p, s, p2), false))
      return false;
    if (p2 !== p && state.data.house?.allows(state, i, p2) === false) return false;
    if (s2 < 0) return true;
    const leaves = s2 === p;
    const at = {
      hasDisk: leaves || s2 === s,
      before: this.#keptWithout(f, p, s, s2),
      reserved: reservedAfter(state, f, p, s, s2, p2),
      free: (state.unallocated[s2] as number) + (leaves ? f.runningMemory : 0),
      freeForth: (state.freeMemForth[s2] as number) + (leaves ? f.memory : 0),
    };
    return refusesSecondary(state, f, s2, at, false) === undefined;
  }

  #keptWithout(f: Footprint, p: number, s: number, n: number): number {
    if (n !== s || f.reserved === 0) return this.#state.reserved[n] as number;
    return this.#state.peers.maxAfter(n, p, f.reserved, -1, 0);
  }

  /** What fits at the end need not fit in between: only the end counts here. */
  #restore(places: Places): void {
    for (const i of this.#options.movable) {
      const [p2, s2] = [places.primary[i] as number, places.secondary[i] as number];
      if (this.#state.primary[i] === p2 && this.#state.secondary[i] === s2) continue;
      this.#mover.scoreAt(i, p2, s2);
      this.#mover.keep(i, p2, s2);
    }
  }
}
