/** The cluster, its groups and nodes: settings that others inherit. */
import { checkPolicy } from '@gantry/guest';
import { ClusterSpec, type GuestPolicy, type Node, validate } from '@gantry/model';
import { theCluster } from '../operations/guest-spec.ts';
import { Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';

export const getCluster: Handler<'getCluster'> = async ({ app }) =>
  resourceReply(await theCluster(app.store));

export const setClusterPolicy: Handler<'setClusterPolicy'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const guest = merged(cluster.spec.guest, call.body.guest);
  checkPolicy([{ level: 'cluster', from: cluster.name, policy: guest }]);
  const changed = withSpec(cluster, { guest });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set guest settings of the cluster: ${Object.keys(call.body.guest).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: cluster, message }), changed));
};

export const setClusterOs: Handler<'setClusterOs'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const { provider, parameters } = call.body;
  const os = { ...cluster.spec.os, [provider]: { ...cluster.spec.os?.[provider], ...parameters } };
  const changed = withSpec(cluster, validate(ClusterSpec, { ...cluster.spec, os }));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set parameters of OS provider ${provider}: ${Object.keys(parameters).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: cluster, message }), changed));
};

export const listGroups: Handler<'listGroups'> = (call) => listReply(call, 'group');
export const getGroup: Handler<'getGroup'> = (call) => getReply(call, 'group');

export const setGroupPolicy: Handler<'setGroupPolicy'> = async (call) => {
  const group = await resolve(call, 'group', refOf(call));
  requireMatch(call, group);
  const guest = merged(group.spec.guest, call.body.guest);
  checkPolicy([{ level: 'group', from: group.name, policy: guest }]);
  const changed = withSpec(group, { guest });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set guest settings of group ${group.name}: ${Object.keys(call.body.guest).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: group, message }), changed));
};

const merged = (present: GuestPolicy | undefined, changes: GuestPolicy): GuestPolicy => ({
  ...present,
  ...changes,
});

export const listNodes: Handler<'listNodes'> = async (call) => {
  const reply = await listReply(call, 'node');
  const body = reply.body as { items: Node[] };
  const items = await Promise.all(body.items.map((node) => withGauges(call.app.store, node)));
  return { ...reply, body: { ...body, items } };
};

export const getNode: Handler<'getNode'> = async (call) =>
  resourceReply(await withGauges(call.app.store, await resolve(call, 'node', refOf(call))));

/** Numbers that change all the time are kept beside the node, without revision. */
async function withGauges(store: Store, node: Node): Promise<Node> {
  const seen = await store.seen(node.id);
  if (!seen) return node;
  const lastSeenAt = new Date(seen.atMs).toISOString();
  return { ...node, status: { ...node.status, ...seen.gauges, lastSeenAt } };
}

export const setNode: Handler<'setNode'> = async (call) => {
  const node = await resolve(call, 'node', refOf(call));
  requireMatch(call, node);
  const changed = withSpec(node, { role: call.body.role });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set node ${node.name} ${call.body.role}`;
  return resourceReply(committed(await call.commit(draft, { subject: node, message }), changed));
};
