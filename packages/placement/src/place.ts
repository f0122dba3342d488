/** Choosing a node. Pure: plain numbers in, the decision with its whole explanation out. */
import type { NodeCapacity, NodeVerdict, PlacementDecision, Requirements } from '@gantry/model';
import { type Judge, rejectionsOf } from './feasible.ts';
import { defaultPolicy, type PlacementPolicy } from './policy.ts';
import { ClusterScore, type Wishes } from './score.ts';

/** So many of the best keep the parts of their score: of all nodes they would be the largest part of the decision. */
const WINNERS = 5;

/**
 * The best node that can take it, if any.
 * @param nodes all whose evenness counts
 * @param only look at this node alone (`--node`)
 */
export function place(
  nodes: readonly NodeCapacity[],
  needs: Requirements,
  options: {
    only?: string | undefined;
    policy?: PlacementPolicy;
    judge?: Judge | undefined;
    wishes?: Wishes;
  } = {},
): PlacementDecision {
  const policy = options.policy ?? defaultPolicy;
  const candidates = nodes.filter((node) => options.only === undefined || node.id === options.only);
  const wishes = options.wishes ?? (() => ({}));
  const even = new ClusterScore(nodes, policy);
  const verdicts = candidates
    .map((node): NodeVerdict => {
      const rejections = rejectionsOf(node, needs, policy, options.judge);
      const { id, name } = node;
      return rejections.length > 0
        ? { node: id, name, rejections }
        : { node: id, name, rejections, score: { total: even.total(node, needs, wishes(node)), parts: {} } };
    })
    .sort(byScoreThenName);
  const named = new Map(candidates.map((node) => [node.id, node]));
  for (const { node: id, score } of verdicts.slice(0, WINNERS)) {
    const node = named.get(id);
    if (node && score) score.parts = even.parts({ node, needs, wishes: wishes(node) });
  }
  const best = verdicts[0];
  const chosen = best?.score ? { chosen: { node: best.node, name: best.name } } : {};
  return { ...chosen, lookedAt: candidates.length, scoreBefore: even.now(), verdicts };
}

function byScoreThenName(a: NodeVerdict, b: NodeVerdict): number {
  const difference =
    (a.score?.total ?? Number.POSITIVE_INFINITY) - (b.score?.total ?? Number.POSITIVE_INFINITY);
  if (difference < 0 || difference > 0) return difference;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
