/**
 * From where the instances are to where they should be, in steps that are each allowed when their turn comes: no node is
 * overfull in between, none fails N+1 newly. Of the steps that are possible the one that helps most comes first, so that a
 * plan that is broken off has done the most good. Where all wait for each other, one makes a detour.
 */
import type { Places } from './anneal.ts';
import type { Move } from './descend.ts';
import type { Mover } from './mover.ts';
import { forbids, kindOf, movesBetween } from './moves.ts';

/** Where an instance should go. */
interface Wish {
  instance: number;
  primary: number;
  secondary: number;
}

/**
 * Makes the moves on `mover`, and answers them in order. What cannot be reached stays behind.
 * @param goal places by instance
 * @param targets nodes for detours
 * @param eachGains what every move must gain, and none makes a detour; undefined: only all of them together
 */
export function inSafeOrder(
  mover: Mover,
  goal: Places,
  movable: readonly number[],
  targets: readonly number[],
  maxMoves: number,
  eachGains?: number,
): Move[] {
  const open = movable.flatMap((i) => {
    const wish = { instance: i, primary: goal.primary[i] as number, secondary: goal.secondary[i] as number };
    return movesLeft(mover, wish) === 0 ? [] : [wish];
  });
  const moves: Move[] = [];
  while (open.length > 0 && moves.length < maxMoves) {
    const spare = maxMoves - moves.length;
    const needed = open.reduce((sum, wish) => sum + movesLeft(mover, wish), 0);
    const mayDetour = needed < spare && eachGains === undefined;
    const move = bestStep(mover, open, spare) ?? (mayDetour ? detour(mover, open, targets) : undefined);
    if (!move || (eachGains !== undefined && mover.spreads.value() - move.score < eachGains)) break;
    make(mover, move);
    moves.push(move);
    const at = open.findIndex(({ instance }) => instance === move.instance);
    if (movesLeft(mover, open[at] as Wish) === 0) open.splice(at, 1);
  }
  return moves;
}

const make = (mover: Mover, { instance, primary, secondary }: Omit<Move, 'score'>): void => {
  mover.scoreAt(instance, primary, secondary);
  mover.keep(instance, primary, secondary);
};

function placeOf({ state }: Mover, i: number): readonly [number, number] {
  return [state.primary[i] as number, state.secondary[i] as number];
}

const movesLeft = (mover: Mover, wish: Wish): number =>
  movesBetween(...placeOf(mover, wish.instance), wish.primary, wish.secondary);

function bestStep(mover: Mover, open: readonly Wish[], spare: number): Move | undefined {
  let best: Move | undefined;
  for (const wish of open)
    for (const [primary, secondary] of steps(mover, wish, spare)) {
      const score = mover.scoreAt(wish.instance, primary, secondary);
      if (score >= (best?.score ?? Number.POSITIVE_INFINITY)) continue;
      if (forbids(mover.state, wish.instance, primary, secondary)) continue;
      best = { instance: wish.instance, primary, secondary, score };
    }
  mover.spreads.reset();
  return best;
}

/** The goal itself, or the pairs on the way to it where both nodes are new. */
function steps(mover: Mover, wish: Wish, spare: number): (readonly [number, number])[] {
  const { instance, primary: p2, secondary: s2 } = wish;
  const [p, s] = placeOf(mover, instance);
  if (kindOf(p, s, p2, s2) !== undefined) return [[p2, s2]];
  if (spare < 2) return [];
  return [
    [p, s2],
    [p2, p],
    [p2, s],
    [s, s2],
    [p, p2],
  ];
}

/** A step of one that waits, one move away from its goal still, which lets another one go; the cheapest. */
function detour(mover: Mover, open: readonly Wish[], targets: readonly number[]): Move | undefined {
  let best: Move | undefined;
  for (const wish of open)
    for (const [primary, secondary] of detours(mover, wish, targets)) {
      const score = mover.scoreAt(wish.instance, primary, secondary);
      if (score >= (best?.score ?? Number.POSITIVE_INFINITY)) continue;
      if (forbids(mover.state, wish.instance, primary, secondary)) continue;
      const move = { instance: wish.instance, primary, secondary, score };
      if (frees(mover, move, open)) best = move;
    }
  mover.spreads.reset();
  return best;
}

function detours(mover: Mover, wish: Wish, targets: readonly number[]): (readonly [number, number])[] {
  const [p, s] = placeOf(mover, wish.instance);
  if (s < 0) return targets.filter((n) => n !== p).map((n) => [n, -1]);
  const around = targets
    .filter((n) => n !== p && n !== s)
    .flatMap((n): [number, number][] => [
      [p, n],
      [n, p],
      [n, s],
      [s, n],
    ]);
  return [[s, p] as const, ...around].filter(
    ([p2, s2]) => movesBetween(p2, s2, wish.primary, wish.secondary) === 1,
  );
}

/** Can another one go to its goal after this move? */
function frees(mover: Mover, move: Move, open: readonly Wish[]): boolean {
  const [p, s] = placeOf(mover, move.instance);
  make(mover, move);
  const free = open.some(
    (wish) =>
      wish.instance !== move.instance &&
      movesLeft(mover, wish) === 1 &&
      forbids(mover.state, wish.instance, wish.primary, wish.secondary) === undefined,
  );
  make(mover, { instance: move.instance, primary: p, secondary: s });
  return free;
}
