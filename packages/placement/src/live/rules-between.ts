/** Gantry's own rules for planning: what a node can give each guest, each storage by itself, and affinity. Pure. */
import type { AffinityRule, NodeCapacity } from '@gantry/model';
import { MISSED, means } from '../affinity.ts';
import type { HouseRules, Where } from '../engine/house-rules.ts';
import { freeDiskMiB, reservedMiB, vcpuRatio } from '../feasible.ts';
import type { LiveCluster, LiveGuest } from './live-guest.ts';

type Live = Pick<LiveCluster, 'nodes' | 'guests' | 'policy' | 'fits'>;

/** @param first where the guests are, as the free figures of the nodes have it */
export function houseRulesOf(live: Live, first: ArrayLike<number>): HouseRules {
  const room = new Room(live, first);
  const between = new Between(live.guests);
  const fits = remembered(live);
  return {
    allows: (where, i, n) => fits(i, n) && room.has(where, i, n) && between.allows(where, i, n),
    score: (where) => between.score(where),
    change: (where, i, n) => between.change(where, i, n),
  };
}

/** Each guest is held against each node once, when that is asked. */
function remembered({ nodes, guests, fits }: Live): (i: number, n: number) => boolean {
  const known = new Map<number, boolean>();
  return (i, n) => {
    const key = i * nodes.length + n;
    const found = known.get(key) ?? fits(guests[i] as LiveGuest, nodes[n] as NodeCapacity);
    known.set(key, found);
    return found;
  };
}

/**
 * What Ganeti's rules do not tell apart, or pass over for guests of drained nodes: memory that is kept for stopped guests,
 * vCPUs by the node's own ratio, one storage from another.
 */
class Room {
  readonly #live: Live;
  readonly #first: ArrayLike<number>;

  constructor(live: Live, first: ArrayLike<number>) {
    this.#live = live;
    this.#first = first;
  }

  has(where: Where, i: number, n: number): boolean {
    const { guests, nodes, policy } = this.#live;
    const node = nodes[n] as NodeCapacity;
    const taken: Taken = { memoryMiB: 0, vcpus: 0, diskMiB: {} };
    for (const [k, guest] of guests.entries()) {
      const there = k === i || where.primary[k] === n;
      const by = (there ? 1 : 0) - (this.#first[k] === n ? 1 : 0);
      if (by !== 0) add(taken, guest, by);
    }
    return (
      taken.memoryMiB <= node.memoryMiB - reservedMiB(node, policy) - node.memoryUsedMiB &&
      taken.vcpus <= Math.floor(node.cpus * vcpuRatio(node, policy)) - node.vcpusUsed &&
      Object.entries(taken.diskMiB).every(([name, mib]) => mib <= freeDiskMiB(node, name))
    );
  }
}

/** More than at first. */
interface Taken {
  memoryMiB: number;
  vcpus: number;
  diskMiB: Record<string, number>;
}

function add(taken: Taken, { memoryMiB, vcpus, diskMiB }: LiveGuest, by: number): void {
  taken.memoryMiB += by * memoryMiB;
  taken.vcpus += by * vcpus;
  for (const [name, mib] of Object.entries(diskMiB))
    taken.diskMiB[name] = (taken.diskMiB[name] ?? 0) + by * mib;
}

interface Rule {
  owner: number;
  apart: boolean;
  soft: boolean;
  /** Whom it means. */
  others: readonly number[];
}

/** Rules of affinity, as numbers of guests. */
class Between {
  readonly #rules: Rule[];
  readonly #involving: Map<number, Rule[]>;

  constructor(guests: readonly LiveGuest[]) {
    this.#rules = guests.flatMap(({ peer }, owner) =>
      (peer.affinity ?? []).map((rule) => ruleOf(rule, owner, guests)),
    );
    this.#involving = new Map();
    for (const rule of this.#rules)
      for (const i of [rule.owner, ...rule.others])
        this.#involving.set(i, [...(this.#involving.get(i) ?? []), rule]);
  }

  allows(where: Where, i: number, n: number): boolean {
    return this.#of(i).every((rule) => rule.soft || keeps(rule, where, i, n));
  }

  score(where: Where): number {
    return MISSED * this.#rules.filter((rule) => rule.soft && broken(rule, where, -1, -1)).length;
  }

  change(where: Where, i: number, n: number): number {
    let missed = 0;
    for (const rule of this.#of(i)) {
      if (!rule.soft) continue;
      if (broken(rule, where, i, n)) missed += 1;
      if (broken(rule, where, -1, -1)) missed -= 1;
    }
    return missed * MISSED;
  }

  #of(i: number): readonly Rule[] {
    return this.#involving.get(i) ?? NONE;
  }
}

const NONE: readonly Rule[] = [];

/**
 * A guest's own rule must be kept there, and nobody may come to stand beside one who is to be apart from him; what is broken
 * between others is not his doing. Whom others need beside them does not leave them, but where that helps nobody already.
 */
function keeps(rule: Rule, where: Where, i: number, n: number): boolean {
  if (rule.owner === i) return !broken(rule, where, i, n);
  if (rule.apart) return where.primary[rule.owner] !== n;
  return !broken(rule, where, i, n) || broken(rule, where, -1, -1);
}

const ruleOf = (rule: AffinityRule, owner: number, guests: readonly LiveGuest[]): Rule => ({
  owner,
  apart: rule.policy.endsWith('anti-affinity'),
  soft: rule.policy.startsWith('soft-'),
  others: guests.flatMap(({ peer }, k) => (means(rule, (guests[owner] as LiveGuest).peer, peer) ? [k] : [])),
});

/** With guest `i` on node `n` (-1: nobody moves) and all others where they are. */
function broken({ owner, apart, others }: Rule, where: Where, i: number, n: number): boolean {
  const at = (k: number) => (k === i ? n : where.primary[k]);
  const here = at(owner);
  const together = others.some((k) => at(k) === here);
  return apart ? together : others.length > 0 && !together;
}
