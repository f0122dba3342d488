/** Which guests to move off a node so that it has the room it lacks: few, and few bytes. What the score says does not count. Pure. */
import type { NodeCapacity } from '@gantry/model';
import { freeMemoryMiB } from '../feasible.ts';
import { isOnline } from '../score.ts';
import type { LiveCluster, LiveGuest } from './live-guest.ts';
import type { LiveMove } from './plan-live-balance.ts';
import { houseRulesOf } from './rules-between.ts';

/** What must come free beside what is. */
export interface Lack {
  memoryMiB: number;
  vcpus: number;
  /** By storage. */
  diskMiB: Readonly<Record<string, number>>;
}

export type RoomMove = Pick<LiveMove, 'guest' | 'from' | 'to'>;

/** More commands than that nobody types. */
const MOST_MOVES = 3;
/** Of a node so many guests are looked at: those that bring most of what is lacking. */
const MOST_GUESTS = 24;
/** So many sets of guests are tried to be placed. */
const MOST_TRIES = 300;

/**
 * The smallest set of guests, and of equally small ones the one with the fewest bytes, whose leaving is enough and for
 * each of which another node of the group has a place, in this order.
 * @param node id of the node that lacks
 * @returns undefined where no such set was found
 */
export function makeRoom(live: LiveCluster, node: string, lack: Lack): RoomMove[] | undefined {
  const from = live.nodes.find(({ id }) => id === node);
  if (!from) return undefined;
  const removal = new Removal(live, from);
  const here = live.guests
    .filter((guest) => guest.node === node && guest.held === undefined && share(guest, lack) > 0)
    .toSorted((a, b) => share(b, lack) - share(a, lack) || a.bytes - b.bytes)
    .slice(0, MOST_GUESTS);
  let tries = 0;
  for (let size = 1; size <= Math.min(MOST_MOVES, here.length); size += 1)
    for (const set of setsOf(here, size)) {
      if (!isEnough(set, lack)) continue;
      const moves = removal.placed(set);
      tries += 1;
      if (moves || tries === MOST_TRIES) return moves;
    }
  return undefined;
}

/** How much of what is lacking it brings: 1 for each kind that it brings whole. */
function share({ memoryMiB, vcpus, diskMiB }: LiveGuest, lack: Lack): number {
  const part = (has: number, needed: number) => (needed <= 0 ? 0 : Math.min(1, has / needed));
  const disks = Object.entries(lack.diskMiB).map(([name, mib]) => part(diskMiB[name] ?? 0, mib));
  return part(memoryMiB, lack.memoryMiB) + part(vcpus, lack.vcpus) + disks.reduce((a, b) => a + b, 0);
}

function isEnough(set: readonly LiveGuest[], lack: Lack): boolean {
  const sum = (of: (guest: LiveGuest) => number) => set.reduce((total, guest) => total + of(guest), 0);
  return (
    sum(({ memoryMiB }) => memoryMiB) >= lack.memoryMiB &&
    sum(({ vcpus }) => vcpus) >= lack.vcpus &&
    Object.entries(lack.diskMiB).every(([name, mib]) => sum(({ diskMiB }) => diskMiB[name] ?? 0) >= mib)
  );
}

/** Those with the fewest bytes first. */
function setsOf(guests: readonly LiveGuest[], size: number): LiveGuest[][] {
  let sets: { last: number; set: LiveGuest[] }[] = guests.map((guest, last) => ({ last, set: [guest] }));
  for (let more = 1; more < size; more += 1)
    sets = sets.flatMap(({ last, set }) =>
      guests.slice(last + 1).map((guest, k) => ({ last: last + 1 + k, set: [...set, guest] })),
    );
  const bytes = (set: readonly LiveGuest[]) => set.reduce((total, guest) => total + guest.bytes, 0);
  return sets.map(({ set }) => set).toSorted((a, b) => bytes(a) - bytes(b));
}

/** Guests that leave one node for others of its group. */
class Removal {
  readonly #from: NodeCapacity;
  readonly #nodes: readonly NodeCapacity[];
  readonly #guests: readonly LiveGuest[];
  readonly #first: Int32Array;
  readonly #rules: ReturnType<typeof houseRulesOf>;
  /** Those with most room first. */
  readonly #targets: readonly number[];

  constructor(live: LiveCluster, from: NodeCapacity) {
    const index = new Map(live.nodes.map(({ id }, n) => [id as string, n]));
    this.#from = from;
    this.#nodes = live.nodes;
    this.#guests = live.guests.filter(({ node }) => index.has(node));
    this.#first = Int32Array.from(this.#guests, ({ node }) => index.get(node) as number);
    this.#rules = houseRulesOf({ ...live, guests: this.#guests }, this.#first);
    const free = (n: number) => freeMemoryMiB(live.nodes[n] as NodeCapacity, live.policy);
    this.#targets = [...live.nodes.keys()]
      .filter((n) => this.#isTarget(live.nodes[n] as NodeCapacity))
      .toSorted((a, b) => free(b) - free(a));
  }

  #isTarget(node: NodeCapacity): boolean {
    return node !== this.#from && node.group === this.#from.group && isOnline(node);
  }

  /** The largest first; undefined: not all of them find a place. */
  placed(set: readonly LiveGuest[]): RoomMove[] | undefined {
    const where = { primary: this.#first.slice() };
    const moves: RoomMove[] = [];
    for (const guest of set.toSorted((a, b) => b.memoryMiB - a.memoryMiB)) {
      const i = this.#guests.indexOf(guest);
      const to = this.#targets.find((n) => this.#rules.allows(where, i, n));
      if (to === undefined) return undefined;
      where.primary[i] = to;
      moves.push({ guest, from: this.#from.id, to: (this.#nodes[to] as NodeCapacity).id });
    }
    return moves;
  }
}
