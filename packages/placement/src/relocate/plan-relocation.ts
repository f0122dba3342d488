/** Where instances go that are to leave one of their nodes: Ganeti’s `relocate` and `node-evacuate`. */
import { err } from '@gantry/model';
import { Mover } from '../balance/mover.ts';
import { type Forbidden, forbids } from '../balance/moves.ts';
import { allNodes, scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { Spreads } from '../engine/spread.ts';
import { ClusterState } from '../engine/state.ts';
import { type ClusterData, mirrorOf } from '../ganeti/cluster-data.ts';
import type { MoveRequest } from '../ganeti/request.ts';

export interface Relocated {
  instance: string;
  /** Primary and secondary as they become; empty: it cannot. */
  nodes: string[];
  group: string;
  from: string[];
  /** Why it stays; of several nodes that cannot take it the most frequent reason. */
  why?: string;
}

/**
 * One after the other, each to the place that leaves the lowest score of the whole cluster. What cannot go stays, and
 * the others go all the same.
 * @throws GantryError `not_found` for a name that is not in the file
 */
export function planRelocation(
  data: ClusterData,
  { instances, leave, avoid }: MoveRequest,
): { moved: Relocated[]; score: ScoreReport; after: ClusterData } {
  const state = new ClusterState(data);
  const mover = new Mover(state, new Spreads(state, allNodes(state)));
  const index = new Map(data.instances.map(({ name }, i) => [name, i]));
  const barred = new Set(avoid.map((name) => indexOf(data.nodes.names, name)));
  const moved = instances.map((name) => {
    const i = index.get(name);
    if (i === undefined) throw err('not_found', { kind: 'instance', name });
    return leave === 'primary' ? failOver(mover, i) : replaceSecondary(mover, i, barred);
  });
  return { moved, score: scoreReport(mover.spreads.score, scoreOf(state)), after: state.snapshot() };
}

function indexOf(names: readonly string[], name: string): number {
  const at = names.indexOf(name);
  if (at < 0) throw err('not_found', { kind: 'node', name });
  return at;
}

function failOver(mover: Mover, i: number): Relocated {
  const { state } = mover;
  const [p, s] = placeOf(state, i);
  const place: Place = [s, p];
  const why = unmirrored(state, i) ?? forbids(state, i, s, p);
  return why ? stays(state, i, words(why)) : goes(mover, i, place);
}

type Place = [primary: number, secondary: number];

function replaceSecondary(mover: Mover, i: number, barred: ReadonlySet<number>): Relocated {
  const { state } = mover;
  const { nodes } = state.data;
  const [p, s] = placeOf(state, i);
  const without = unmirrored(state, i);
  if (without) return stays(state, i, without);
  const refused = new Map<Forbidden, number>();
  let best: { place: Place; score: number } | undefined;
  for (let n = 0; n < nodes.count; n += 1) {
    if (n === p || n === s || barred.has(n) || nodes.group[n] !== nodes.group[p]) continue;
    const why = forbids(state, i, p, n);
    if (why) refused.set(why, (refused.get(why) ?? 0) + 1);
    else {
      const score = mover.scoreAt(i, p, n);
      if (!best || score < best.score) best = { place: [p, n], score };
    }
  }
  if (best) return goes(mover, i, best.place);
  const [most] = [...refused].toSorted((a, b) => b[1] - a[1]);
  return stays(
    state,
    i,
    most ? `${most[1]} nodes of its group: ${words(most[0])}` : 'its group has no other node',
  );
}

const placeOf = (state: ClusterState, i: number): Place => [
  state.primary[i] as number,
  state.secondary[i] as number,
];

/** Without a mirror the data are on one node alone. */
function unmirrored({ data, secondary }: ClusterState, i: number): string | undefined {
  const template = data.instances[i]?.template ?? '';
  return mirrorOf(template) === 'none' || (secondary[i] as number) < 0
    ? `${template} has no copy on another node`
    : undefined;
}

function goes(mover: Mover, i: number, [p, s]: Place): Relocated {
  const from = namesOf(mover.state, i);
  mover.scoreAt(i, p, s);
  mover.keep(i, p, s);
  return { ...shown(mover.state, i), nodes: namesOf(mover.state, i), from };
}

const stays = (state: ClusterState, i: number, why: string): Relocated => ({
  ...shown(state, i),
  nodes: [],
  from: namesOf(state, i),
  why,
});

function shown({ data, primary }: ClusterState, i: number): Pick<Relocated, 'instance' | 'group'> {
  const group = data.groups[data.nodes.group[primary[i] as number] as number];
  return { instance: data.instances[i]?.name ?? '', group: group?.name ?? '' };
}

const namesOf = (state: ClusterState, i: number): string[] =>
  placeOf(state, i).flatMap((n) => (n < 0 ? [] : (state.data.nodes.names[n] ?? [])));

const words = (why: string): string => why.replaceAll('-', ' ');
