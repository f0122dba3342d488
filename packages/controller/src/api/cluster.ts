/** The cluster, its groups and nodes: settings that others inherit. */
import { checkPolicy } from '@gantry/guest';
import {
  type Body,
  ClusterSpec,
  type GuestPolicy,
  type HostChanges,
  type HostPolicy,
  type Node,
  validate,
} from '@gantry/model';
import { theCluster } from '../operations/guest-spec.ts';
import { checkHostPolicy, requireCpus } from '../placement/host-policy.ts';
import { Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';

export const getCluster: Handler<'getCluster'> = async ({ app }) =>
  resourceReply(await theCluster(app.store));

export const setClusterPolicy: Handler<'setClusterPolicy'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const changed = withSpec(cluster, inherited(call.body, cluster, 'cluster'));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set settings of the cluster: ${named(call.body)}`;
  return resourceReply(committed(await call.commit(draft, { subject: cluster, message }), changed));
};

export const setClusterAccess: Handler<'setClusterAccess'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const { nodeCommands } = call.body;
  const changed = withSpec(cluster, { nodeCommands });
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `let ${nodeCommands} run commands on nodes`;
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
  const changed = withSpec(group, inherited(call.body, group, 'group'));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set settings of group ${group.name}: ${named(call.body)}`;
  return resourceReply(committed(await call.commit(draft, { subject: group, message }), changed));
};

interface Settings {
  guest?: GuestPolicy;
  host?: HostPolicy;
}
type Changes = Body<'setGroupPolicy'>;

/** What others inherit, with the changes. @throws GantryError when it cannot hold anywhere */
function inherited(
  { guest, host }: Changes,
  { name, spec }: { name: string; spec: Settings },
  level: 'cluster' | 'group',
): Settings {
  const policy = { ...spec.guest, ...guest };
  if (guest) checkPolicy([{ level, from: name, policy }]);
  return { ...(guest ? { guest: policy } : {}), ...(host ? { host: changedHost(spec.host, host) } : {}) };
}

function changedHost(present: HostPolicy | undefined, changes: HostChanges): HostPolicy {
  const merged = Object.entries({ ...present, ...changes }).filter(([, value]) => value !== null);
  const host = Object.fromEntries(merged) as HostPolicy;
  checkHostPolicy(host);
  return host;
}

/** Of the settings, for the audit. */
const named = ({ guest, host }: { guest?: object; host?: object }): string =>
  [...Object.keys(guest ?? {}), ...Object.keys(host ?? {}).map((name) => `host.${name}`)].join(', ');

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
  const { role, host } = call.body;
  const changed = withSpec(node, {
    ...(role ? { role } : {}),
    ...(host ? { host: changedHost(node.spec.host, host) } : {}),
  });
  if (host) requireCpus(changed);
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set node ${node.name} ${[role, named({ ...(host ? { host } : {}) })].filter(Boolean).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: node, message }), changed));
};
