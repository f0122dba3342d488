/**
 * Where an instance can go that leaves all its nodes, by moves that Ganeti knows, each allowed when its turn comes: the new
 * primary as secondary, over to it, then the new secondary. From a primary that is down it first goes over to the old
 * secondary. Shared storage runs on any node. Source: Ganeti's `evacDrbdAllInner`, `evacOneNodeOnly`.
 */
import { type Forbidden, forbids } from '../balance/moves.ts';
import type { ClusterState } from '../engine/state.ts';

export type Place = [primary: number, secondary: number];

export const placeOf = (state: ClusterState, i: number): Place => [
  state.primary[i] as number,
  state.secondary[i] as number,
];

/** Everything stays where it is; `refused` is told what stands against each way that was looked at. */
export function placesFor(
  state: ClusterState,
  i: number,
  targets: readonly number[],
  refused: (why: Forbidden) => void,
): Place[] {
  const may = (p: number, s: number): boolean => {
    const why = forbids(state, i, p, s);
    if (why) refused(why);
    return why === undefined;
  };
  const home = placeOf(state, i);
  const free = targets.filter((n) => !home.includes(n));
  if (home[1] < 0) return free.filter((n) => may(n, -1)).map((n): Place => [n, -1]);
  const down = state.data.nodes.offline[home[0]] === 1;
  if (down && !may(home[1], home[0])) return [];
  const found = beginning(state, i, down ? [home[1], home[0]] : home, (at) =>
    free.flatMap((p) => (may(at[0], p) ? beginning(state, i, [at[0], p], () => pairsWith(p, at[0])) : [])),
  );
  return found;

  function pairsWith(p: number, before: number): Place[] {
    if (!may(p, before)) return [];
    return beginning(state, i, [p, before], () =>
      free.filter((s) => s !== p && may(p, s)).map((s): Place => [p, s]),
    );
  }
}

/** As if it were there. */
function beginning<T>(state: ClusterState, i: number, [p, s]: Place, work: (at: Place) => T): T {
  const before = placeOf(state, i);
  put(state, i, [p, s]);
  const found = work([p, s]);
  put(state, i, before);
  return found;
}

function put(state: ClusterState, i: number, [p, s]: Place): void {
  state.remove(i);
  state.place(i, p, s);
}
