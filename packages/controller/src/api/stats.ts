/** What running instances use: asked of their nodes when somebody wants to know, never stored. */
import {
  err,
  type Guest,
  type GuestStats,
  type Instance,
  type InstanceId,
  type InstanceStats,
  type Node,
  permits,
  requirePermitted,
} from '@gantry/model';
import { askNode } from '../node-calls.ts';
import { type Call, type Handler, resolve } from './call.ts';
import { sees } from './caller.ts';
import { guestOf } from './instances.ts';
import { refOf } from './list.ts';

/** Nodes that are asked at the same time. */
const AT_ONCE = 16;

type Asking = Pick<Call, 'app' | 'caller' | 'signal'>;

export const getInstanceStats: Handler<'getInstanceStats'> = async (call) => {
  const instance = await resolve(call, 'instance', refOf(call));
  requirePermitted('stats', instance);
  const node = await nodeOf(call, await guestOf(call, instance));
  const [stats] = await statsOf(call, node, [instance]);
  if (!stats) throw err('not_found', { kind: 'running guest', name: instance.name });
  return { body: stats };
};

/** A node that does not answer hides nothing but its own instances, and is named. */
export const listInstanceStats: Handler<'listInstanceStats'> = async (call) => {
  const byNode = await running(call);
  const queue = [...byNode];
  const items: InstanceStats[] = [];
  const silent: string[] = [];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [id, instances] = next;
      const node = await call.app.store.get('node', id);
      if (!node) continue;
      await statsOf(call, node, instances).then(
        (stats) => items.push(...stats),
        () => silent.push(node.name),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  items.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { body: { items, silent: silent.toSorted() } };
};

async function running({ app, caller }: Asking): Promise<Map<string, Instance[]>> {
  const byNode = new Map<string, Instance[]>();
  for (const instance of (await app.store.list('instance')).items) {
    const { node, state } = instance.status;
    if (node === undefined || !permits('stats', state) || !sees(caller, instance)) continue;
    byNode.set(node, [...(byNode.get(node) ?? []), instance]);
  }
  return byNode;
}

async function nodeOf({ app }: Asking, guest: Guest): Promise<Node> {
  const node = await app.store.get('node', guest.spec.node);
  if (!node) throw err('not_found', { kind: 'node', name: guest.spec.node });
  return node;
}

async function statsOf(
  { app, signal }: Asking,
  node: Node,
  instances: readonly Instance[],
): Promise<InstanceStats[]> {
  const ids = instances.map(({ id }) => id as InstanceId);
  const { guests } = await askNode(app, node, { do: 'stats', instances: ids }, signal);
  // A node speaks of what it was asked about, and of nothing else.
  return guests.flatMap((stats) => {
    const instance = instances.find(({ id }) => id === stats.instance);
    return instance ? [named(stats, instance, node)] : [];
  });
}

const named = (stats: GuestStats, { name }: Instance, node: Node): InstanceStats => ({
  ...stats,
  name,
  node: node.name,
});
