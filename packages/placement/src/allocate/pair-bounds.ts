/** A lower bound of what a primary can reach, whichever secondary it gets. Never above what some pair really reaches. */
import type { Spreads } from '../engine/spread.ts';
import { type RoleEffects, root } from './role-effects.ts';

/** For sums that were made in another order. */
const ROUNDING = 1e-11;

export class SecondaryLimits {
  readonly #weight: Float64Array;
  readonly #variance: Float64Array;
  readonly #online: number;
  /** Least of what belongs to the secondary alone. */
  #own = Number.POSITIVE_INFINITY;
  /** Least of that and its effect on the coupled spreads together, were it alone. */
  #together = Number.POSITIVE_INFINITY;
  /** Of the coupled spreads: least change of the variance, largest change either way, largest change of the sum. */
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  readonly #sum: Float64Array;

  constructor(
    effects: RoleEffects,
    secondaries: readonly number[],
    spreads: Spreads,
    variance: Float64Array,
  ) {
    const width = effects.coupled.length;
    this.#weight = Float64Array.from(effects.coupled, (k) => spreads.weight[k] as number);
    this.#variance = variance;
    this.#online = spreads.online;
    this.#least = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
    this.#most = new Float64Array(width);
    this.#sum = new Float64Array(width);
    for (const s of secondaries) this.#include(effects, s);
  }

  #include(effects: RoleEffects, s: number): void {
    const width = this.#weight.length;
    const own = effects.own[s] as number;
    let together = own;
    for (let c = 0; c < width; c += 1) {
      const change = effects.variance[s * width + c] as number;
      const before = this.#variance[c] as number;
      together += (this.#weight[c] as number) * (root(before + change) - root(before));
      this.#least[c] = Math.min(this.#least[c] as number, change);
      this.#most[c] = Math.max(this.#most[c] as number, Math.abs(change));
      this.#sum[c] = Math.max(this.#sum[c] as number, Math.abs(effects.sum[s * width + c] as number));
    }
    this.#own = Math.min(this.#own, own);
    this.#together = Math.min(this.#together, together);
  }

  /** The better of two bounds, relative to what neither node changes. */
  lowest(effects: RoleEffects, p: number): number {
    const own = effects.own[p] as number;
    return own + Math.max(this.#own + this.#monotone(effects, p), this.#additive(effects, p)) - ROUNDING;
  }

  /** The root grows with the variance: with the least change of any secondary it is least. */
  #monotone(effects: RoleEffects, p: number): number {
    let bound = 0;
    for (let c = 0; c < this.#weight.length; c += 1) {
      const at = p * this.#weight.length + c;
      const change =
        (effects.variance[at] as number) + (this.#least[c] as number) - this.#cross(effects, at, c);
      bound += (this.#weight[c] as number) * root((this.#variance[c] as number) + change);
    }
    return bound;
  }

  /**
   * sqrt(v+a+b) differs from sqrt(v+a) + sqrt(v+b) - sqrt(v) by at most |ab| / (4 m^1.5), m the least variance in between
   * (the mixed second derivative of the root, integrated).
   */
  #additive(effects: RoleEffects, p: number): number {
    let bound = this.#together;
    for (let c = 0; c < this.#weight.length; c += 1) {
      const at = p * this.#weight.length + c;
      const before = this.#variance[c] as number;
      const change = effects.variance[at] as number;
      const cross = this.#cross(effects, at, c);
      const least = before + Math.min(0, change) + Math.min(0, this.#least[c] as number) - cross;
      if (least <= 0) return Number.NEGATIVE_INFINITY;
      const error =
        (Math.abs(change) * (this.#most[c] as number)) / (4 * least ** 1.5) + cross / Math.sqrt(least);
      bound += (this.#weight[c] as number) * (root(before + change) - error);
    }
    return bound;
  }

  /** Largest part that the product of both changes of the sum takes. */
  #cross(effects: RoleEffects, at: number, c: number): number {
    const product = Math.abs(effects.sum[at] as number) * (this.#sum[c] as number);
    return (2 * product) / this.#online ** 2;
  }
}
