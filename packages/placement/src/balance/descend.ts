/**
 * hbal's way: again and again the one move that lowers the score most. What an instance could gain is remembered and
 * looked at again only when it is the most promising one (gains mostly shrink as the cluster gets even), so that a step
 * looks at a few instances instead of all.
 */
import type { Mover } from './mover.ts';
import { forbids } from './moves.ts';

export interface DescendOptions {
  movable: readonly number[];
  targets: readonly number[];
  maxMoves: number;
  /** What a step must gain once the score is below 0.1. hbal: `--min-gain`. */
  minGain: number;
  /** So many of the first steps are the best there are: every instance is looked at anew. */
  exactMoves: number;
  /** What every step must gain. */
  eachGains?: number | undefined;
}

export interface Move {
  instance: number;
  primary: number;
  secondary: number;
  /** After it. */
  score: number;
}

/** hbal stops asking for the least gain above this score. */
const MIN_GAIN_LIMIT = 0.1;
/** Gains below are noise of the sums. */
const NOISE = 1e-10;

/** Makes the moves and answers them in their order. */
export function descend(mover: Mover, options: DescendOptions): Move[] {
  const promises = new Promises(mover, options);
  const moves: Move[] = [];
  let score = mover.spreads.value();
  while (moves.length < options.maxMoves) {
    if (moves.length < options.exactMoves) promises.forget();
    const move = promises.best(score);
    if (!move || (score <= MIN_GAIN_LIMIT && score - move.score < options.minGain)) break;
    if (score - move.score < (options.eachGains ?? 0)) break;
    mover.scoreAt(move.instance, move.primary, move.secondary);
    mover.keep(move.instance, move.primary, move.secondary);
    score = move.score;
    moves.push(move);
  }
  return moves;
}

/** What each instance could gain, as last seen. */
class Promises {
  readonly #mover: Mover;
  readonly #options: DescendOptions;
  readonly #gains: Float64Array;
  readonly #moves: (Move | undefined)[] = [];

  constructor(mover: Mover, options: DescendOptions) {
    this.#mover = mover;
    this.#options = options;
    this.#gains = new Float64Array(options.movable.length).fill(Number.POSITIVE_INFINITY);
  }

  forget(): void {
    this.#gains.fill(Number.POSITIVE_INFINITY);
  }

  /** The best move; all are looked at again before it says that there is none. */
  best(score: number): Move | undefined {
    const move = this.#mostPromising(score);
    if (move) return move;
    this.forget();
    return this.#mostPromising(score);
  }

  #mostPromising(score: number): Move | undefined {
    for (;;) {
      const [first, second] = this.#top();
      if (first < 0 || (this.#gains[first] as number) <= NOISE) return undefined;
      const move = bestMoveOf(
        this.#mover,
        this.#options.movable[first] as number,
        this.#options.targets,
        score,
      );
      this.#moves[first] = move;
      this.#gains[first] = move ? score - move.score : 0;
      if ((this.#gains[first] as number) < second) continue;
      if (!move) return undefined;
      return move;
    }
  }

  /** Index of the largest gain, and the gain that comes after it. */
  #top(): [first: number, second: number] {
    let first = -1;
    let most = Number.NEGATIVE_INFINITY;
    let second = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < this.#gains.length; at += 1) {
      const gain = this.#gains[at] as number;
      if (gain > most) [second, most, first] = [most, gain, at];
      else if (gain > second) second = gain;
    }
    return [first, second];
  }
}

/** The move of one instance that lowers the score most; undefined: none does. */
export function bestMoveOf(
  mover: Mover,
  i: number,
  targets: readonly number[],
  score: number,
): Move | undefined {
  const { primary, secondary } = mover.state;
  const p = primary[i] as number;
  const s = secondary[i] as number;
  let best: Move | undefined;
  const look = (p2: number, s2: number): void => {
    const after = mover.scoreAt(i, p2, s2);
    if (after >= (best?.score ?? score) - NOISE || forbids(mover.state, i, p2, s2)) return;
    best = { instance: i, primary: p2, secondary: s2, score: after };
  };
  if (s >= 0) look(s, p);
  for (const n of targets) {
    if (n === p || n === s) continue;
    if (s < 0) look(n, -1);
    else {
      look(p, n);
      look(n, p);
      look(n, s);
      look(s, n);
    }
  }
  mover.spreads.reset();
  return best;
}
