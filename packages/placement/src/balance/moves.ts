/**
 * The moves that Ganeti knows for an instance, and whether each may be made now: every state on the way is one that the
 * rules allow. Source: Ganeti's `applyMoveEx`. Unlike hbal, nothing is copied from a primary that is down.
 */
import { type Refusal, refusesPrimary, refusesSecondary } from '../engine/limits.ts';
import type { ClusterState, Footprint } from '../engine/state.ts';

/** In hbal's words: f fail over (or migrate), r:n replace the secondary by n, fa:n run on n (shared storage). */
export type MoveKind = 'f' | 'r' | 'f r f' | 'r f' | 'f r' | 'fa';

/**
 * How to come from one pair to another in one move; undefined: not in one.
 * @param s, s2 -1 for instances on shared storage
 */
export function kindOf(p: number, s: number, p2: number, s2: number): MoveKind | undefined {
  if (s < 0) return p2 === p ? undefined : 'fa';
  if (p2 === s) return s2 === p ? 'f' : 'f r';
  if (p2 === p) return s2 === s ? undefined : 'r';
  if (s2 === p) return 'r f';
  return s2 === s ? 'f r f' : undefined;
}

/** Moves that it takes from one pair to another. */
export function movesBetween(p: number, s: number, p2: number, s2: number): 0 | 1 | 2 {
  if (p === p2 && s === s2) return 0;
  return kindOf(p, s, p2, s2) === undefined ? 2 : 1;
}

/** What forbids the move of instance `i` from where it is. */
export type Forbidden = Refusal | 'migration-tags' | 'offline' | 'no-such-move' | 'house-rules';

/** Undefined: it may be made. */
export function forbids(state: ClusterState, i: number, p2: number, s2: number): Forbidden | undefined {
  const p = state.primary[i] as number;
  const s = state.secondary[i] as number;
  const kind = kindOf(p, s, p2, s2);
  if (kind === undefined) return 'no-such-move';
  const { offline } = state.data.nodes;
  // The node that takes something must be up, and so must the one that its data are copied from.
  if (offline[p2] === 1) return 'offline';
  const source = kind === 'r' || kind === 'r f' ? p : kind === 'fa' ? p2 : s;
  if (kind !== 'f' && (offline[source] === 1 || (s2 >= 0 && s2 !== p && offline[s2] === 1))) return 'offline';
  if (!mayMigrate(state, kind, p, s, p2)) return 'migration-tags';
  const refused = new Step(state, i, p, s).forbids(kind, p2, s2);
  return (
    refused ?? (p !== p2 && state.data.house?.allows(state, i, p2) === false ? 'house-rules' : undefined)
  );
}

function mayMigrate({ tags }: ClusterState, kind: MoveKind, p: number, s: number, p2: number): boolean {
  const may = tags.mayMigrate;
  if (!may || kind === 'r') return true;
  if (kind === 'f r f') return may(p, s) && may(s, p2);
  return may(p, p2);
}

/** One instance leaving its nodes. */
class Step {
  readonly #state: ClusterState;
  readonly #f: Footprint;
  readonly #p: number;
  readonly #s: number;

  constructor(state: ClusterState, i: number, p: number, s: number) {
    this.#state = state;
    this.#f = state.footprints[i] as Footprint;
    this.#p = p;
    this.#s = s;
  }

  forbids(kind: MoveKind, p2: number, s2: number): Refusal | undefined {
    const { offline } = this.#state.data.nodes;
    // From a node that is down Ganeti moves even where the target is worse off then.
    const primaryDown = offline[this.#p] === 1;
    const secondaryDown = this.#s >= 0 && offline[this.#s] === 1;
    switch (kind) {
      case 'fa':
        return this.#primaryAt(p2, primaryDown);
      case 'f':
      case 'f r':
        return this.#primaryAt(p2, primaryDown) ?? this.#secondaryAt(s2, p2, primaryDown);
      case 'r':
        return this.#secondaryAt(s2, p2, secondaryDown);
      case 'r f':
        return this.#primaryAt(p2, false) ?? this.#secondaryAt(s2, p2, secondaryDown);
      case 'f r f':
        // It runs on the secondary meanwhile.
        return (
          this.#primaryAt(this.#s, primaryDown) ??
          this.#primaryAt(p2, primaryDown) ??
          this.#secondaryAt(s2, p2, primaryDown)
        );
    }
  }

  #primaryAt(n: number, force: boolean): Refusal | undefined {
    return refusesPrimary(this.#state, this.#f, n, n === this.#s, this.#keptWithout(n), force);
  }

  #secondaryAt(n: number, primary: number, force: boolean): Refusal | undefined {
    const { unallocated, freeMemForth } = this.#state;
    const f = this.#f;
    const leaves = n === this.#p;
    const at = {
      hasDisk: leaves || n === this.#s,
      before: this.#keptWithout(n),
      reserved: reservedAfter(this.#state, f, this.#p, this.#s, n, primary),
      free: (unallocated[n] as number) + (leaves ? f.runningMemory : 0),
      freeForth: (freeMemForth[n] as number) + (leaves ? f.memory : 0),
    };
    return refusesSecondary(this.#state, f, n, at, force);
  }

  /** What the node keeps free for others once the instance has left it. */
  #keptWithout(n: number): number {
    const f = this.#f;
    if (n !== this.#s || f.reserved === 0) return this.#state.reserved[n] as number;
    return this.#state.peers.maxAfter(n, this.#p, f.reserved, -1, 0);
  }
}

/** What node `n` keeps free after an instance of (p, s) has become one of (p2, n). */
export function reservedAfter(
  state: ClusterState,
  f: Footprint,
  p: number,
  s: number,
  n: number,
  p2: number,
): number {
  const now = state.reserved[n] as number;
  if (f.reserved === 0 || f.forthcoming) return now;
  if (n === s) return p === p2 ? now : state.peers.maxAfter(n, p, f.reserved, p2, f.reserved);
  return Math.max(now, state.peers.of(n, p2) + f.reserved);
}
