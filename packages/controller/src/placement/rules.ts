/** Rules between instances and bounds of sizes, for every candidate. */
import type { GuestInput, NodeId, Rejection, Requirements } from '@gantry/model';
import { type AffinityAnswer, affinityOn, exclusionsOn, MISSED, type Peer } from '@gantry/placement';
import type { Candidate } from './capacity.ts';

/** Ganeti’s weight of `pri_tags_score`. */
const EXCLUSION = 2;

export interface Rules {
  rejections(node: NodeId): readonly Rejection[];
  /** Parts of the score. */
  wishes(node: NodeId): Record<string, number>;
}

export function rulesFor(newcomer: Peer, all: readonly Candidate[]): Rules {
  const candidates = new Map(all.map((candidate) => [candidate.capacity.id, candidate]));
  const everybody = once(() => all.flatMap(({ residents }) => [...residents.values()]));
  const residentsOf = (node: NodeId) => [...(candidates.get(node)?.residents.values() ?? [])];
  const answers = new Map<NodeId, AffinityAnswer>();
  const answer = (node: NodeId): AffinityAnswer => {
    const known = answers.get(node) ?? affinityOn(newcomer, residentsOf(node), everybody);
    answers.set(node, known);
    return known;
  };
  return {
    rejections: (node) => answer(node).rejections,
    wishes(node) {
      const { missed } = answer(node);
      const { exclusionLabels = [] } = candidates.get(node)?.host ?? {};
      const exclusions =
        exclusionLabels.length > 0 ? exclusionsOn(newcomer, residentsOf(node), exclusionLabels) : 0;
      return {
        ...(missed > 0 ? { affinity: missed * MISSED } : {}),
        ...(exclusions > 0 ? { pri_tags_score: exclusions * EXCLUSION } : {}),
      };
    },
  };
}

function once<T>(work: () => T): () => T {
  let done: { value: T } | undefined;
  return () => {
    done ??= { value: work() };
    return done.value;
  };
}

const MIB = 2 ** 20;

/** What policies bound. */
export function sizesOf({ vcpus, memoryMiB, disks, nics }: GuestInput): NonNullable<Requirements['sizes']> {
  const both = (value: number) => ({ least: value, most: value });
  const each = disks.map(({ sizeBytes }) => Math.ceil(sizeBytes / MIB));
  return {
    vcpus: both(vcpus),
    memory: both(memoryMiB),
    disks: both(disks.length),
    nics: both(nics.length),
    ...(each.length > 0 ? { disk: { least: Math.min(...each), most: Math.max(...each) } } : {}),
  };
}
