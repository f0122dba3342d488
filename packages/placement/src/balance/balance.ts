/** Plans moves that make a group even: fewer than hbal's, to a lower score, each allowed when its turn comes. */

import type { Score } from '../engine/components.ts';
import { nodesOfGroup, scoreOf } from '../engine/score.ts';
import { Spreads } from '../engine/spread.ts';
import { ClusterState } from '../engine/state.ts';
import { type ClusterData, mirrorOf } from '../ganeti/cluster-data.ts';
import { anneal, type Places } from './anneal.ts';
import { descend, type Move } from './descend.ts';
import { Mover } from './mover.ts';
import { inSafeOrder } from './order.ts';
import { Random } from './random.ts';

export interface BalanceOptions {
  /** Most moves; undefined: as many as help. */
  maxMoves?: number | undefined;
  /** Only instances of nodes that are down or drained. hbal: `--evac-mode`. */
  evacuate?: boolean;
  /** Take the time to come as low as possible, with as many moves as that needs. */
  thorough?: boolean;
  /** Below a score of 0.1 a move must gain so much. */
  minGain?: number;
  /** Every single move must lower the score by so much; undefined: only all of them together. */
  eachGains?: number;
  /** Instances with disks of one node move, too: their disks are copied. */
  copyLocal?: boolean;
  /** False: take the best single moves, and look for no better places. */
  search?: boolean;
}

export interface GroupPlan {
  group: number;
  before: Score;
  after: Score;
  moves: Move[];
  /** Where everything is then. */
  places: Places;
}

const MIN_GAIN = 0.01;
/**
 * The descent takes as many moves as hbal where each of its steps is the best there is, and up to a sixth more or fewer
 * where they are estimates. With this part of them the search stays below hbal's number, and far below its score.
 */
const SHARE_OF_MOVES = { exact: 0.94, estimated: 0.8 };
/** The rest is for detours. */
const SHARE_OF_DREAMS = 0.94;
/** What exact steps may cost: places looked at. */
const EXACT_BUDGET = 200_000;
/** So few moves are always exact, and all of them are taken. */
const FEW_MOVES = 12;
/** How long and how wildly the search dreams. */
const USUAL = { stepsPerInstance: 1000, hot: 0.5, cold: 0.01 };
const THOROUGH = { stepsPerInstance: 20_000, hot: 2, cold: 0.001 };
/** Small groups are searched several times: up to so many instances together, and so often. */
const [ATTEMPT_BUDGET, MOST_ATTEMPTS] = [300, 5];
/** Each begins where the last one got stuck. */
const MAX_ROUNDS = 6;

/** @param group index of the group */
export function balanceGroup(data: ClusterData, group: number, options: BalanceOptions = {}): GroupPlan {
  const start = new ClusterState(data, { group });
  const nodes = nodesOfGroup(start, group);
  const before = scoreOf(start, nodes);
  const problem = {
    data,
    group,
    nodes,
    targets: nodes.filter((n) => data.nodes.offline[n] === 0),
    movable: movableIn(data, group, options.evacuate === true, options.copyLocal === true),
    minGain: options.minGain ?? MIN_GAIN,
    eachGains: options.eachGains,
  };
  const plan = bestOf(problem, options);
  return { group, before, after: scoreOf(plan.state, nodes), moves: plan.moves, places: plan.state };
}

interface Problem {
  data: ClusterData;
  group: number;
  nodes: readonly number[];
  targets: readonly number[];
  movable: readonly number[];
  minGain: number;
  eachGains: number | undefined;
}

interface Plan {
  moves: Move[];
  state: ClusterState;
  score: number;
}

const begin = ({ data, group, nodes }: Problem): Mover => {
  const state = new ClusterState(data, { group });
  return new Mover(state, new Spreads(state, nodes));
};

const planOf = (mover: Mover, moves: Move[]): Plan => ({
  moves,
  state: mover.state,
  score: mover.spreads.value(),
});

function bestOf(problem: Problem, options: BalanceOptions): Plan {
  const { movable, targets, minGain } = problem;
  const limit = options.maxMoves ?? Number.POSITIVE_INFINITY;
  const exactMoves = exactSteps(problem, limit);
  const mover = begin(problem);
  const { eachGains } = problem;
  const steps = descend(mover, { movable, targets, maxMoves: limit, minGain, exactMoves, eachGains });
  const descent = planOf(mover, steps);
  const exact = steps.length <= exactMoves;
  const most = budget(steps.length, limit, exact, options);
  const attempts = Math.min(MOST_ATTEMPTS, Math.max(1, Math.floor(ATTEMPT_BUDGET / (movable.length + 1))));
  let best = descent;
  if (options.search === false) return best;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const found = search(problem, mover.state, most, options, attempt);
    if (found.score < best.score || (found.score === best.score && found.moves.length < best.moves.length))
      best = found;
  }
  return best;
}

/** How many steps of the descent can be exact. */
function exactSteps({ movable, targets }: Problem, limit: number): number {
  if (limit <= FEW_MOVES) return limit;
  return Math.floor(EXACT_BUDGET / (4 * movable.length * targets.length + 1));
}

/** How many moves the search may take. */
function budget(
  descent: number,
  limit: number,
  exact: boolean,
  { thorough = false }: BalanceOptions,
): number {
  if (thorough) return limit;
  if (limit <= descent || descent <= FEW_MOVES) return Math.min(limit, descent);
  return Math.floor((exact ? SHARE_OF_MOVES.exact : SHARE_OF_MOVES.estimated) * descent);
}

/**
 * Dreams of places that are legal but may not be reachable, goes there as far as the rules let it, and dreams again from
 * where it stands.
 * @param from places to start dreaming at
 */
function search(
  problem: Problem,
  from: Places,
  maxMoves: number,
  options: BalanceOptions,
  attempt: number,
): Plan {
  const { movable, targets, minGain, eachGains } = problem;
  const mover = begin(problem);
  const moves: Move[] = [];
  let start = from;
  for (let round = 0; round < MAX_ROUNDS && moves.length < maxMoves; round += 1) {
    const left = maxMoves - moves.length;
    const goal = dream(
      problem,
      mover.state,
      start,
      Math.ceil(left * SHARE_OF_DREAMS),
      options,
      attempt * MAX_ROUNDS + round,
    );
    if (!goal) break;
    const made = inSafeOrder(mover, goal, movable, targets, left, eachGains);
    moves.push(...made);
    if (made.length === 0) break;
    start = mover.state;
  }
  moves.push(
    ...descend(mover, {
      ...{ movable, targets, minGain, eachGains },
      maxMoves: maxMoves - moves.length,
      exactMoves: 0,
    }),
  );
  return planOf(mover, moves);
}

/** Good places, with at most so many moves from where everything really is. */
function dream(
  problem: Problem,
  real: Places,
  start: Places,
  maxMoves: number,
  { thorough = false }: BalanceOptions,
  seed: number,
): Places | undefined {
  const { movable, targets, minGain } = problem;
  const mover = begin(problem);
  for (const i of movable) {
    mover.scoreAt(i, start.primary[i] as number, start.secondary[i] as number);
    mover.keep(i, start.primary[i] as number, start.secondary[i] as number);
  }
  const effort = thorough ? THOROUGH : USUAL;
  const options = {
    movable,
    targets,
    steps: Math.ceil((effort.stepsPerInstance * movable.length) / ((seed % MAX_ROUNDS) + 1)),
    price: thorough ? minGain / 10 : minGain,
    maxMoves,
    hot: effort.hot,
    cold: effort.cold,
  };
  return anneal(mover, real, options, new Random(seed + 1)) ? mover.state : undefined;
}

/** Mirrored instances that Ganeti may move by itself, with both nodes in the group. */
export function movableIn(data: ClusterData, group: number, evacuate: boolean, copyLocal = false): number[] {
  const { nodes, primary, secondary } = data;
  const down = (n: number) => nodes.offline[n] === 1;
  return data.instances.flatMap((spec, i) => {
    const [p, s] = [primary[i] as number, secondary[i] as number];
    if (!spec.autoBalance || spec.forthcoming) return [];
    if (mirrorOf(spec.template) === 'none' && !copyLocal) return [];
    if (nodes.group[p] !== group || (s >= 0 && nodes.group[s] !== group)) return [];
    return evacuate && !down(p) && !(s >= 0 && down(s)) ? [] : [i];
  });
}
