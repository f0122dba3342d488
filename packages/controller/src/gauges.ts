/** Numbers of a node that change all the time: kept beside it, without revision. */
import type { Node } from '@gantry/model';
import type { Store } from './store/store.ts';

export async function withGauges(store: Store, node: Node): Promise<Node> {
  const seen = await store.seen(node.id);
  if (!seen) return node;
  const lastSeenAt = new Date(seen.atMs).toISOString();
  return { ...node, status: { ...node.status, ...seen.gauges, lastSeenAt } };
}
