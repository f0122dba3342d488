/** Where instances go that are to leave nodes: Ganeti’s `relocate`, `node-evacuate` and `change-group`. */
import { err } from '@gantry/model';
import { refusedByPolicy } from '../allocate/spec-fits.ts';
import { Mover } from '../balance/mover.ts';
import { type Forbidden, forbids } from '../balance/moves.ts';
import { allNodes, nodesOfGroup, scoreOf } from '../engine/score.ts';
import { type ScoreReport, scoreReport } from '../engine/score-report.ts';
import { Spreads } from '../engine/spread.ts';
import { ClusterState } from '../engine/state.ts';
import { type ClusterData, type InstanceSpec, mirrorOf } from '../ganeti/cluster-data.ts';
import type { MoveRequest } from '../ganeti/request.ts';
import { type Place, placeOf, placesFor } from './places.ts';

export interface Relocated {
  instance: string;
  /** Primary and secondary as they become; empty: it cannot. */
  nodes: string[];
  /** In which it is then. */
  group: string;
  from: string[];
  /** Why it stays; of several nodes that cannot take it the most frequent reason. */
  why?: string;
}

export interface Relocation {
  moved: Relocated[];
  score: ScoreReport;
  after: ClusterData;
}

/**
 * One after the other, each to the place that leaves the lowest score: of the whole cluster, and once more of its group as
 * hail does it; the better of the two is answered. What cannot go stays, and the others go all the same. Nodes that one of
 * them is to leave are no targets.
 * @throws GantryError `not_found` for a name that is not in the file
 */
export function planRelocation(data: ClusterData, request: MoveRequest): Relocation {
  const index = new Map(data.instances.map(({ name }, i) => [name, i]));
  const instances = request.instances.map((name) => {
    const i = index.get(name);
    if (i === undefined) throw err('not_found', { kind: 'instance', name });
    return i;
  });
  const wish = {
    ...request,
    instances,
    barred: barredBy(data, request, instances),
    targets: groupsOf(data, request),
  };
  const ways = (request.groups ? (['cluster'] as const) : (['cluster', 'group'] as const)).map((scope) =>
    planned(data, wish, scope),
  );
  return ways.reduce((best, way) => (isBetter(way, best) ? way : best));
}

const gone = ({ moved }: Relocation): number => moved.filter(({ nodes }) => nodes.length > 0).length;

const isBetter = (one: Relocation, other: Relocation): boolean =>
  gone(one) > gone(other) || (gone(one) === gone(other) && one.score.after < other.score.after);

interface Wish {
  instances: readonly number[];
  leave: MoveRequest['leave'];
  barred: ReadonlySet<number>;
  /** Groups to go to; undefined: its own. */
  targets: readonly number[] | undefined;
}

function barredBy(
  data: ClusterData,
  { leave, avoid, groups }: MoveRequest,
  instances: readonly number[],
): Set<number> {
  const barred = new Set(avoid.map((name) => indexOf(data.nodes.names, name)));
  for (const i of groups ? [] : instances) {
    if (leave !== 'secondary') barred.add(data.primary[i] as number);
    if (leave !== 'primary') barred.add(data.secondary[i] as number);
  }
  return barred;
}

function groupsOf({ groups }: ClusterData, request: MoveRequest): number[] | undefined {
  if (!request.groups) return undefined;
  if (request.groups.length === 0) return [...groups.keys()];
  return request.groups.map((ref) => {
    const found = groups.findIndex(({ name, uuid }) => name === ref || uuid === ref);
    if (found < 0) throw err('not_found', { kind: 'group', name: ref });
    return found;
  });
}

function planned(data: ClusterData, wish: Wish, scope: 'cluster' | 'group'): Relocation {
  const state = new ClusterState(data);
  const before = scoreOf(state);
  const whole = new Mover(state, new Spreads(state, allNodes(state)));
  const moverOf = (i: number) => (scope === 'cluster' ? whole : groupMover(state, i));
  const moved = wish.instances.map((i) => {
    const { leave, targets } = wish;
    if (targets) return changeGroup(moverOf(i), i, wish, targets);
    if (leave === 'both') return leaveBoth(moverOf(i), i, wish);
    return leave === 'primary'
      ? leavePrimary(moverOf(i), i, wish)
      : replaceSecondary(moverOf(i), i, wish.barred);
  });
  return { moved, score: scoreReport(before, scoreOf(state)), after: state.snapshot() };
}

const groupOf = ({ data, primary }: ClusterState, i: number): number =>
  data.nodes.group[primary[i] as number] as number;

const groupMover = (state: ClusterState, i: number): Mover =>
  new Mover(state, new Spreads(state, nodesOfGroup(state, groupOf(state, i))));

function indexOf(names: readonly string[], name: string): number {
  const at = names.indexOf(name);
  if (at < 0) throw err('not_found', { kind: 'node', name });
  return at;
}

/** Of shared storage to any node, of a pair to its other one. */
function leavePrimary(mover: Mover, i: number, wish: Wish): Relocated {
  const { state } = mover;
  const [p, s] = placeOf(state, i);
  if (s < 0) return leaveBoth(mover, i, wish);
  const why = unmirrored(state, i) ?? forbids(state, i, s, p);
  return why ? stays(state, i, words(why)) : goes(mover, i, [s, p]);
}

function leaveBoth(mover: Mover, i: number, { barred }: Wish): Relocated {
  const { state } = mover;
  const without = unmirrored(state, i);
  if (without) return stays(state, i, without);
  const refused = new Refused();
  const targets = nodesOfGroup(state, groupOf(state, i)).filter((n) => !barred.has(n));
  const best = lowest(mover, i, placesFor(state, i, targets, refused.count));
  return best ? goes(mover, i, best.place) : stays(state, i, refused.text());
}

/** As with hail, a group of policy last_resort only where no preferred one takes it. */
function changeGroup(mover: Mover, i: number, { barred }: Wish, groups: readonly number[]): Relocated {
  const { state } = mover;
  const { data } = state;
  const without = unmirrored(state, i);
  if (without) return stays(state, i, without);
  const spec = asOneDisk(data.instances[i] as InstanceSpec);
  const own = groupOf(state, i);
  const refused = new Refused();
  for (const policy of ['preferred', 'last_resort']) {
    const places = groups.flatMap((g) => {
      const group = data.groups[g];
      if (g === own || group?.policy !== policy) return [];
      const against = refusedByPolicy(spec, group.instancePolicy, false);
      if (against) refused.count(`policy of ${group.name}: ${against.what}`);
      const targets = nodesOfGroup(state, g).filter((n) => !barred.has(n));
      return against ? [] : placesFor(state, i, targets, refused.count);
    });
    const best = lowest(mover, i, places);
    if (best) return goes(mover, i, best.place);
  }
  return stays(state, i, refused.text('there is no other group that takes instances'));
}

/** The text format knows the sum of the disks alone; htools counts it as one. */
const asOneDisk = (spec: InstanceSpec): InstanceSpec =>
  spec.disks.length > 0 ? spec : { ...spec, disks: [spec.disk] };

function replaceSecondary(mover: Mover, i: number, barred: ReadonlySet<number>): Relocated {
  const { state } = mover;
  const [p, s] = placeOf(state, i);
  const without =
    unmirrored(state, i) ?? (s < 0 ? `${state.data.instances[i]?.template} has no secondary` : undefined);
  if (without) return stays(state, i, without);
  const refused = new Refused();
  const places = nodesOfGroup(state, groupOf(state, i)).flatMap((n): Place[] => {
    if (n === p || n === s || barred.has(n)) return [];
    const why = forbids(state, i, p, n);
    if (why) refused.count(why);
    return why ? [] : [[p, n]];
  });
  const best = lowest(mover, i, places);
  return best ? goes(mover, i, best.place) : stays(state, i, refused.text());
}

function lowest(
  mover: Mover,
  i: number,
  places: readonly Place[],
): { place: Place; score: number } | undefined {
  let best: { place: Place; score: number } | undefined;
  for (const place of places) {
    const score = mover.scoreAt(i, ...place);
    if (!best || score < best.score) best = { place, score };
  }
  return best;
}

/** What stands against the places that were looked at. */
class Refused {
  readonly #counts = new Map<string, number>();

  readonly count = (why: Forbidden | string): void => {
    this.#counts.set(why, (this.#counts.get(why) ?? 0) + 1);
  };

  text(none = 'its group has no other node'): string {
    const [most] = [...this.#counts].toSorted((a, b) => b[1] - a[1]);
    return most ? `${most[1]} places: ${words(most[0])}` : none;
  }
}

/** Without a mirror the data are on one node alone. */
function unmirrored({ data, secondary }: ClusterState, i: number): string | undefined {
  const template = data.instances[i]?.template ?? '';
  const mirror = mirrorOf(template);
  return mirror === 'none' || (mirror === 'internal' && (secondary[i] as number) < 0)
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

const shown = (state: ClusterState, i: number): Pick<Relocated, 'instance' | 'group'> => ({
  instance: state.data.instances[i]?.name ?? '',
  group: state.data.groups[groupOf(state, i)]?.name ?? '',
});

const namesOf = (state: ClusterState, i: number): string[] =>
  placeOf(state, i).flatMap((n) => (n < 0 ? [] : (state.data.nodes.names[n] ?? [])));

const words = (why: string): string => why.replaceAll('-', ' ');
