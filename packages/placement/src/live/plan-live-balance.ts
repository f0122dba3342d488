/** Which guests of a live cluster would make it more even elsewhere: moves that each lower the score. Pure. */
import { type BalanceOptions, movableIn } from '../balance/balance.ts';
import { bestMoveOf } from '../balance/descend.ts';
import { Mover } from '../balance/mover.ts';
import { planBalance } from '../balance/plan-balance.ts';
import type { Score } from '../engine/components.ts';
import { nodesOfGroup, scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { Spreads } from '../engine/spread.ts';
import { ClusterState } from '../engine/state.ts';
import type { ClusterData } from '../ganeti/cluster-data.ts';
import { clusterDataOf } from './live-cluster.ts';
import type { LiveCluster, LiveGuest } from './live-guest.ts';

export interface LiveBalanceOptions {
  /** Id of the one group; undefined: each by itself. */
  group?: string | undefined;
  maxMoves?: number | undefined;
  /** Most that is copied, all moves together. */
  maxBytes?: number | undefined;
  /** What each move must lower the score by. */
  minGain: number;
}

export interface LiveMove {
  guest: LiveGuest;
  /** Ids of nodes. */
  from: string;
  to: string;
  /** Of the guest's group, after it. */
  score: number;
  gain: number;
}

export interface LivePlan {
  /** Of the group that was asked for, or of the whole cluster. */
  score: ScoreReport;
  moves: LiveMove[];
  /** Guests that would lower the score still, and are not moved: those that gain most first. */
  held: { guest: LiveGuest; to: string; gain: number; why: string }[];
}

/** Groups with more guests that may move are planned move by move, without the search for still better places. */
const SEARCHED = 300;

export function planLiveBalance(live: LiveCluster, options: LiveBalanceOptions): LivePlan {
  const only = groupIndex(live, options.group);
  const first = clusterDataOf(live);
  const guests = live.guests.filter(({ node }) => live.nodes.some(({ id }) => id === node));
  const plan = { live, guests, options, only };
  const { moves, data } = inBudget(plan, first);
  const [before, after] = [first, data].map((each) => totalOf(each, only)) as [Score, Score];
  return { score: scoreReport(before, after), moves, held: heldBack(plan, data, moves) };
}

interface Problem {
  live: LiveCluster;
  /** As the instances of the data are. */
  guests: readonly LiveGuest[];
  options: LiveBalanceOptions;
  only: number | undefined;
}

const groupIndex = ({ groups }: LiveCluster, group: string | undefined): number | undefined =>
  group === undefined ? undefined : groups.findIndex(({ id }) => id === group);

function totalOf(data: ClusterData, only: number | undefined): Score {
  const state = new ClusterState(data, only === undefined ? {} : { group: only });
  return only === undefined ? scoreOf(state) : scoreOf(state, nodesOfGroup(state, only));
}

/**
 * As many moves as may be copied: what is too large for the rest stays, and the others are looked at once more. Until a look
 * finds nothing: the search is content with fewer moves than would still gain something.
 */
function inBudget(problem: Problem, first: ClusterData): { moves: LiveMove[]; data: ClusterData } {
  const { options, guests } = problem;
  const moves: LiveMove[] = [];
  let data = first;
  let left = options.maxBytes ?? Number.POSITIVE_INFINITY;
  for (;;) {
    if (Number.isFinite(left)) data = without(data, (i) => (guests[i]?.bytes ?? 0) > left);
    const found = someMoves(problem, data, moves.length);
    if (found.length === 0) return { moves, data };
    const fitting = firstWithin(found, left);
    left -= bytesOf(fitting);
    moves.push(...fitting);
    data = after(problem, data, fitting);
  }
}

const bytesOf = (moves: readonly LiveMove[]): number =>
  moves.reduce((sum, { guest }) => sum + guest.bytes, 0);

function firstWithin(moves: readonly LiveMove[], bytes: number): readonly LiveMove[] {
  const end = moves.findIndex((_, i) => bytesOf(moves.slice(0, i + 1)) > bytes);
  return end < 0 ? moves : moves.slice(0, end);
}

const without = (data: ClusterData, stays: (i: number) => boolean): ClusterData => ({
  ...data,
  instances: data.instances.map((spec, i) => (stays(i) ? { ...spec, autoBalance: false } : spec)),
});

function someMoves({ live, guests, options, only }: Problem, data: ClusterData, made: number): LiveMove[] {
  const balance: BalanceOptions = {
    ...(options.maxMoves === undefined ? {} : { maxMoves: options.maxMoves - made }),
    minGain: options.minGain,
    eachGains: options.minGain,
    copyLocal: true,
    search: live.groups.every((_, g) => movableIn(data, g, false, true).length <= SEARCHED),
  };
  const known = new Map(guests.map((guest) => [guest.peer.id, guest]));
  const nodes = new Map(live.nodes.map(({ name, id }) => [name, id as string]));
  const { report } = planBalance(data, only, balance);
  const scores = new Map(report.groups.map(({ group, score: { before } }) => [group, before]));
  return report.moves.flatMap((move): LiveMove[] => {
    const guest = known.get(move.instance);
    const [from, to] = [move.from[0], move.to[0]].map((name) => nodes.get(name ?? ''));
    const gain = (scores.get(move.group) ?? 0) - move.score;
    scores.set(move.group, move.score);
    return guest && from && to ? [{ guest, from, to, score: move.score, gain }] : [];
  });
}

function after({ live, guests }: Problem, data: ClusterData, moves: readonly LiveMove[]): ClusterData {
  const state = new ClusterState(data);
  for (const { guest, to } of moves) {
    const i = guests.indexOf(guest);
    state.remove(i);
    state.place(
      i,
      live.nodes.findIndex(({ id }) => id === to),
      -1,
    );
  }
  return state.snapshot();
}

/** What each that stays could gain by itself then. */
function heldBack(problem: Problem, data: ClusterData, moves: readonly LiveMove[]): LivePlan['held'] {
  const { live, guests, options, only } = problem;
  const full = moves.length === options.maxMoves;
  const found = live.groups.flatMap((_, g) => {
    if (only !== undefined && g !== only) return [];
    const state = new ClusterState(data, { group: g });
    const nodes = nodesOfGroup(state, g);
    const mover = new Mover(state, new Spreads(state, nodes));
    const score = mover.spreads.value();
    const targets = nodes.filter((n) => data.nodes.offline[n] === 0);
    return guests.flatMap((guest, i): LivePlan['held'] => {
      if (data.nodes.group[state.primary[i] as number] !== g) return [];
      const why = guest.held ?? (full ? 'no more moves: --max-moves' : dear(data, i));
      const best = why === undefined ? undefined : bestMoveOf(mover, i, targets, score);
      const gain = best ? score - best.score : 0;
      if (why === undefined || gain < options.minGain || !best) return [];
      return [{ guest, to: live.nodes[best.primary]?.id as string, gain, why }];
    });
  });
  return found.toSorted((a, b) => b.gain - a.gain);
}

const dear = ({ instances }: ClusterData, i: number): string | undefined =>
  instances[i]?.autoBalance === false ? 'its disks are more than --max-bytes leaves' : undefined;

/** What one move by itself would lower the score of the guest's group by; undefined: it is not allowed. */
export function gainOf(live: LiveCluster, id: string, to: string): number | undefined {
  const data = clusterDataOf(live);
  const i = data.instances.findIndex(({ name }) => name === id);
  const n = live.nodes.findIndex((node) => node.id === to);
  if (i < 0 || n < 0 || data.primary[i] === n) return undefined;
  const group = data.nodes.group[data.primary[i] as number] as number;
  const state = new ClusterState(data, { group });
  const nodes = nodesOfGroup(state, group);
  const mover = new Mover(state, new Spreads(state, nodes));
  const score = mover.spreads.value();
  const best = bestMoveOf(mover, i, [n], score);
  return best ? score - best.score : undefined;
}
