/** What the text format cannot say: asked of every place that is considered, after Ganeti's own rules. */
export interface HouseRules {
  /** May instance `i` go to node `n`, with all others where they are? */
  allows(where: Where, i: number, n: number): boolean;
  /** What wishes that are not kept add to the score. */
  score(where: Where): number;
  /** What it would add if instance `i` went to node `n`. */
  change(where: Where, i: number, n: number): number;
}

/** Node of each instance. */
export interface Where {
  readonly primary: ArrayLike<number>;
}
