/** A group’s CPU baseline made narrower by an operator, so that nodes that were left out can give it. */
import { err, type Group, type NodeId } from '@gantry/model';
import { type Settled, settle } from '../cpu-baseline/settle.ts';
import type { Store } from '../store/store.ts';
import { committed, type Handler, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

export const narrowCpuBaseline: Handler<'narrowCpuBaseline'> = async (call) => {
  const group = await resolve(call, 'group', refOf(call));
  const settled = await settle(call.app, group, call.signal, true);
  if (settled.failure !== undefined)
    throw err('cpu_baseline_unknown', { group: group.name, why: settled.failure });
  if (call.query.plan) return { status: 200, body: { plan: await inWords(call.app.store, group, settled) } };
  if (settled.draft.empty) return resourceReply(group);
  const message = `narrow the CPU baseline of group ${group.name}`;
  return resourceReply(
    committed(await call.commit(settled.draft, { subject: group, message }), settled.group),
  );
};

async function inWords(store: Store, before: Group, { group: after }: Settled): Promise<string[]> {
  const [was, will] = [before.status.cpu, after.status.cpu];
  if (!will)
    return [`group ${before.name} has no CPU baseline: it has one node, or none that tells of its CPU`];
  const lost = was?.features.filter((feature) => !will.features.includes(feature)) ?? [];
  const named = async (ids: readonly { node: NodeId }[]) =>
    (await Promise.all(ids.map(({ node }) => store.get('node', node)))).flatMap((node) => node?.name ?? []);
  const still = await named(will.leftOut);
  return [
    `CPU baseline of group ${before.name}: ${was?.baseline.model ?? 'none'} -> ${will.baseline.model}, of ${(await named(will.from)).toSorted().join(', ')}`,
    lost.length > 0
      ? `guests started from then on lack ${lost.join(', ')}; those that run keep what they have, and cannot move to nodes without`
      : 'guests lose nothing by it',
    ...(still.length > 0 ? [`still left out: ${still.join(', ')}`] : []),
  ];
}
