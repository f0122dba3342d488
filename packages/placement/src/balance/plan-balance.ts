/** Moves for one group, or for all of them, as people and scripts read them. */
import { scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { ClusterState } from '../engine/state.ts';
import { type ClusterData, type InstanceSpec, usesLocalDisk, usesMemory } from '../ganeti/cluster-data.ts';
import { type BalanceOptions, balanceGroup, type GroupPlan } from './balance.ts';
import type { Move } from './descend.ts';
import { kindOf } from './moves.ts';

export interface PlannedMove {
  instance: string;
  group: string;
  /** Primary and secondary. */
  from: string[];
  to: string[];
  /** As hbal writes it: `f` fails over or migrates, `r:NODE` replaces the secondary, `fa:NODE` runs it there. */
  command: string;
  /** Of the group, after it. */
  score: number;
  /** Disk that is copied over the network, MiB. */
  copyMiB: number;
  /** Memory that is migrated, MiB. */
  migrateMiB: number;
}

export interface BalanceReport {
  /** Of the group that was asked for, or of the whole cluster. */
  score: ScoreReport;
  groups: { group: string; score: ScoreReport; moves: number; copyMiB: number }[];
  moves: PlannedMove[];
}

/** @param only index of the one group; undefined: every group by itself */
export function planBalance(
  data: ClusterData,
  only: number | undefined,
  options: BalanceOptions,
): { report: BalanceReport; after: ClusterData } {
  const groups = only === undefined ? data.groups.map((_, g) => g) : [only];
  const plans = limited(
    groups.map((group) => balanceGroup(data, group, options)),
    options.maxMoves,
    (plan, moves) => balanceGroup(data, plan.group, { ...options, maxMoves: moves }),
  );
  const state = new ClusterState(data);
  const before = scoreOf(state);
  const moves = plans.flatMap((plan) => plan.moves.map((move) => carryOut(state, plan.group, move)));
  const own = plans.map((plan) => groupReport(data, plan, moves));
  const first = own[0];
  const score = only !== undefined && first ? first.score : scoreReport(before, scoreOf(state));
  return { report: { score, groups: own, moves }, after: state.snapshot() };
}

/** Groups share the number of moves: each gets those of its first ones that gain more than another group's. */
function limited(
  plans: GroupPlan[],
  maxMoves: number | undefined,
  again: (plan: GroupPlan, moves: number) => GroupPlan,
): GroupPlan[] {
  if (plans.length < 2 || maxMoves === undefined) return plans;
  const taken = plans.map(() => 0);
  for (let left = maxMoves; left > 0; left -= 1) {
    const gains = plans.map((plan, g) => gainOf(plan, taken[g] as number));
    const best = gains.indexOf(Math.max(...gains));
    if (gains[best] === Number.NEGATIVE_INFINITY) break;
    taken[best] = (taken[best] as number) + 1;
  }
  return plans.map((plan, g) => (taken[g] === plan.moves.length ? plan : again(plan, taken[g] as number)));
}

function gainOf({ moves, before }: GroupPlan, at: number): number {
  const move = moves[at];
  if (!move) return Number.NEGATIVE_INFINITY;
  return (moves[at - 1]?.score ?? before.total) - move.score;
}

function carryOut(state: ClusterState, group: number, move: Move): PlannedMove {
  const { instance: i, primary: p2, secondary: s2 } = move;
  const { names } = state.data.nodes;
  const spec = state.data.instances[i] as InstanceSpec;
  const [p, s] = [state.primary[i] as number, state.secondary[i] as number];
  state.remove(i);
  state.place(i, p2, s2);
  const name = (n: number) => names[n] ?? '';
  const command = commandOf(p, s, p2, s2, name);
  const local = usesLocalDisk(spec.template);
  const runs = command.split(' ').filter((word) => word.startsWith('f')).length;
  return {
    instance: spec.name,
    group: state.data.groups[group]?.name ?? '',
    from: [p, s].filter((n) => n >= 0).map(name),
    to: [p2, s2].filter((n) => n >= 0).map(name),
    command,
    score: move.score,
    copyMiB: local && command.includes('r:') ? spec.disk : 0,
    migrateMiB: usesMemory(spec) ? runs * spec.memory : 0,
  };
}

function commandOf(p: number, s: number, p2: number, s2: number, name: (n: number) => string): string {
  switch (kindOf(p, s, p2, s2)) {
    case 'f':
      return 'f';
    case 'r':
      return `r:${name(s2)}`;
    case 'r f':
      return `r:${name(p2)} f`;
    case 'f r':
      return `f r:${name(s2)}`;
    case 'f r f':
      return `f r:${name(p2)} f`;
    case 'fa':
      return `fa:${name(p2)}`;
    case undefined:
      throw new Error('a planned move is none that Ganeti knows');
  }
}

function groupReport({ groups }: ClusterData, plan: GroupPlan, moves: readonly PlannedMove[]) {
  const group = groups[plan.group]?.name ?? '';
  const own = moves.filter((move) => move.group === group);
  return {
    group,
    score: scoreReport(plan.before, plan.after),
    moves: own.length,
    copyMiB: own.reduce((sum, { copyMiB }) => sum + copyMiB, 0),
  };
}
