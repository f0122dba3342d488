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
  const able: Scored[] = [];
  const unable: NodeVerdict[] = [];
  for (const node of candidates) {
    const { id, name } = node;
    const rejections = rejectionsOf(node, needs, policy, options.judge);
    if (rejections.length > 0) unable.push({ node: id, name, rejections });
    else {
      const score = { total: even.total(node, needs, wishes(node)), parts: {} };
      able.push({ node: id, name, rejections, score });
    }
  }
  able.sort((a, b) => a.score.total - b.score.total || byName(a, b));
  unable.sort(byName);
  for (const { node: id, score } of able.slice(0, WINNERS)) {
    const node = candidates.find((each) => each.id === id);
    if (node) score.parts = even.parts({ node, needs, wishes: wishes(node) });
  }
  const verdicts = [...able, ...unable];
  const best = verdicts[0];
  const chosen = best?.score ? { chosen: { node: best.node, name: best.name } } : {};
  return { ...chosen, lookedAt: candidates.length, scoreBefore: even.now(), verdicts };
}

type Scored = NodeVerdict & Required<Pick<NodeVerdict, 'score'>>;

const byName = (a: NodeVerdict, b: NodeVerdict): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
