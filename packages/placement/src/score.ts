/**
 * How even the cluster is, and would be with a newcomer on one node: Ganeti's score with its weights, from the sums that
 * are known of each node, so that each candidate costs constant time. Lower is better. Of Ganeti's components those of
 * pairs, spindles and failure domains have nothing to count here and are left out: they are 0.
 */
import type { NodeCapacity, Requirements } from '@gantry/model';
import { type ComponentName, weights } from './engine/components.ts';
import { freeDiskMiB, reservedMiB } from './feasible.ts';
import type { PlacementPolicy } from './policy.ts';

export interface Score {
  total: number;
  /** Weighted, by name: Ganeti's components that are not 0, and Gantry's own parts. */
  parts: Record<string, number>;
}

/** What rules between guests add to the score of a node, by part. */
export type Wishes = (node: NodeCapacity) => Readonly<Record<string, number>>;

/** Standard deviations over the nodes that are up, each of one figure of a node, and Ganeti's components that follow it. */
const spreads = [
  ['free_mem_cv'],
  ['free_mem_cv_forth'],
  ['free_disk_cv', 'free_disk_cv_forth'],
  ['vcpu_ratio_cv', 'vcpu_ratio_cv_forth'],
  // every guest is a primary, and counts as one unit of every load
  ['cpu_load_cv', 'mem_load_cv', 'disk_load_cv', 'net_load_cv'],
] as const satisfies ComponentName[][];
const spreadWeights = spreads.map((names) => names.reduce((sum, name) => sum + weights[name], 0));

/** Of one node, in the order of `spreads`. */
type Figures = readonly [memory: number, memoryForth: number, disk: number, cpu: number, guests: number];

/** A candidate: what the newcomer would make of its figures. */
interface Change {
  node: NodeCapacity;
  needs: Requirements;
  wishes: Readonly<Record<string, number>>;
}

export class ClusterScore {
  readonly #policy: PlacementPolicy;
  readonly #online: number;
  /** The first means: sums of squares about them lose no digits. */
  readonly #shift: readonly number[];
  readonly #sum: readonly number[];
  readonly #squares: readonly number[];
  /** Everything that is no spread. */
  readonly #plain: Readonly<Record<PlainName, number>>;
  readonly #plainTotal: number;

  constructor(nodes: readonly NodeCapacity[], policy: PlacementPolicy) {
    this.#policy = policy;
    const up = nodes.filter(isOnline);
    const all = up.map((node) => figuresOf(node, policy));
    this.#online = Math.max(1, up.length);
    const total = (value: (figures: Figures) => number) => all.reduce((sum, each) => sum + value(each), 0);
    this.#shift = spreads.map((_, k) => total((each) => each[k] as number) / this.#online);
    const about = (each: Figures, k: number) => (each[k] as number) - (this.#shift[k] as number);
    this.#sum = spreads.map((_, k) => total((each) => about(each, k)));
    this.#squares = spreads.map((_, k) => total((each) => about(each, k) ** 2));
    this.#plain = plainOf(nodes, policy);
    this.#plainTotal = plainNames.reduce((sum, name) => sum + weights[name] * this.#plain[name], 0);
  }

  /** As it is. */
  now(): number {
    return round(
      this.#deviations().reduce(
        (sum, value, k) => sum + (spreadWeights[k] as number) * value,
        this.#plainTotal,
      ),
    );
  }

  /** With it on this node, which is up. */
  total(node: NodeCapacity, needs: Requirements, wishes: Readonly<Record<string, number>> = {}): number {
    let total = this.#plainTotal + weights.n1_cnt * this.#newlyFailing(node, needs);
    for (const [k, deviation] of this.#deviations({ node, needs, wishes }).entries())
      total += (spreadWeights[k] as number) * deviation;
    for (const wish of Object.values(wishes)) total += wish;
    return round(total);
  }

  /** The same, part by part. */
  parts({ node, needs, wishes }: Change): Score['parts'] {
    const parts: Score['parts'] = {};
    const add = (name: string, value: number) => {
      if (round(value) !== 0) parts[name] = round((parts[name] ?? 0) + value);
    };
    for (const [k, deviation] of this.#deviations({ node, needs, wishes }).entries())
      for (const name of spreads[k] ?? []) add(name, weights[name] * deviation);
    for (const name of plainNames) add(name, weights[name] * this.#plain[name]);
    add('n1_cnt', weights.n1_cnt * this.#newlyFailing(node, needs));
    for (const [name, value] of Object.entries(wishes)) add(name, value);
    return parts;
  }

  #newlyFailing(node: NodeCapacity, needs: Requirements): number {
    return failing(node, this.#policy, needs) - failing(node, this.#policy);
  }

  /** Of each spread. */
  #deviations(change?: Change): number[] {
    const before = change && figuresOf(change.node, this.#policy);
    const after = change && figuresOf(change.node, this.#policy, change.needs);
    return spreads.map((_, k) => {
      const from = (before?.[k] ?? 0) - (this.#shift[k] as number);
      const by = (after?.[k] ?? 0) - (before?.[k] ?? 0);
      const mean = ((this.#sum[k] as number) + by) / this.#online;
      const squares = (this.#squares[k] as number) + by * (2 * from + by);
      const variance = squares / this.#online - mean * mean;
      return variance > 1e-15 ? Math.sqrt(variance) : 0;
    });
  }
}

const plainNames = ['n1_cnt', 'offline_all_cnt', 'offline_pri_cnt', 'pri_tags_score'] as const;
type PlainName = (typeof plainNames)[number];

/** A drained node counts as one that is down, as in Ganeti: its guests are to leave it. */
export const isOnline = ({ role, state }: NodeCapacity): boolean => role === 'active' && state === 'ready';

/** Memory that no running guest has, MiB; negative: more is given away than there is. */
const unallocatedMiB = (node: NodeCapacity, policy: PlacementPolicy): number =>
  node.memoryMiB - reservedMiB(node, policy) - node.memoryUsedMiB + (node.memoryDownMiB ?? 0);

const guestsOf = ({ guests = 0 }: NodeCapacity): number => guests;

function figuresOf(node: NodeCapacity, policy: PlacementPolicy, needs?: Requirements): Figures {
  const free = unallocatedMiB(node, policy) - (needs?.memoryMiB ?? 0);
  const perMiB = node.memoryMiB > 0 ? 1 / node.memoryMiB : 0;
  let [diskMiB, freeDisk] = [0, 0];
  for (const name of Object.keys(node.storage)) {
    diskMiB += node.storage[name]?.totalMiB ?? 0;
    freeDisk += freeDiskMiB(node, name);
  }
  for (const name of Object.keys(needs?.diskMiB ?? {})) freeDisk -= needs?.diskMiB[name] ?? 0;
  return [
    free * perMiB,
    (free - (node.memoryDownMiB ?? 0)) * perMiB,
    diskMiB > 0 ? freeDisk / diskMiB : 1,
    node.cpus > 0 ? (node.vcpusUsed + (needs?.vcpus ?? 0)) / node.cpus : 0,
    guestsOf(node) + (needs ? 1 : 0),
  ];
}

/** Guests of a node that has no memory left. */
function failing(node: NodeCapacity, policy: PlacementPolicy, needs?: Requirements): number {
  const full = unallocatedMiB(node, policy) - (needs?.memoryMiB ?? 0) <= 0;
  return full ? guestsOf(node) + (needs ? 1 : 0) : 0;
}

function plainOf(nodes: readonly NodeCapacity[], policy: PlacementPolicy): Record<PlainName, number> {
  const sum = (value: (node: NodeCapacity) => number) =>
    nodes.reduce((total, node) => total + value(node), 0);
  const down = sum((node) => (isOnline(node) ? 0 : guestsOf(node)));
  return {
    n1_cnt: sum((node) => (isOnline(node) ? failing(node, policy) : 0)),
    offline_all_cnt: down,
    offline_pri_cnt: down,
    pri_tags_score: sum((node) => (isOnline(node) ? (node.exclusionRepeats ?? 0) : 0)),
  };
}

/** Nine places: what one guest more makes of a large cluster, without the noise of sums. */
const round = (value: number): number => Math.round(value * 1e9) / 1e9;
