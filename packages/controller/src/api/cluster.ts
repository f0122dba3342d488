import { ClusterSpec, type GroupId, type Node, type Operation, validate } from '@gantry/model';
import { nowOf } from '../env.ts';
import { withGauges } from '../gauges.ts';
import { countMembers } from '../members.ts';
import { cancelled, evacuationOf } from '../operations/cancel.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { requireCpus } from '../placement/host-policy.ts';
import { caSha256 } from '../remote.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { planned } from './begun.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { actorOf } from './caller.ts';
import { changedHost, inherited } from './inherited.ts';
import { getReply, listReply, refOf } from './list.ts';
import { nodePlan, policyPlan } from './set-plans.ts';

export const getCluster: Handler<'getCluster'> = async ({ app: { store, remote } }) => {
  const cluster = await theCluster(store);
  if (!remote) return resourceReply(cluster);
  const reached = { url: remote.url, caSha256: caSha256(remote) };
  return resourceReply({ ...cluster, status: { ...cluster.status, reached } });
};

export const setClusterPolicy: Handler<'setClusterPolicy'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const changed = withSpec(cluster, inherited(call.body, cluster, 'cluster'));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  if (call.query.plan)
    return planned(call, draft, { plan: await policyPlan(call.app.store, cluster, changed) });
  const message = `set settings of the cluster: ${named(call.body)}`;
  return resourceReply(committed(await call.commit(draft, { subject: cluster, message }), changed));
};

export const setClusterAccess: Handler<'setClusterAccess'> = async (call) => {
  const cluster = await theCluster(call.app.store);
  requireMatch(call, cluster);
  const { nodeCommands, auditDays } = call.body;
  const changed = withSpec(cluster, call.body);
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const words = [
    ...(nodeCommands ? [`let ${nodeCommands} run commands on nodes`] : []),
    ...(auditDays ? [`remember for ${auditDays} days who did what`] : []),
  ];
  const message = words.join(', ') || 'change nothing of who may what';
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
  if (call.query.plan)
    return planned(call, draft, { plan: await policyPlan(call.app.store, group, changed) });
  const message = `set settings of group ${group.name}: ${named(call.body)}`;
  return resourceReply(committed(await call.commit(draft, { subject: group, message }), changed));
};

const endOf = (evacuation: Operation | undefined): string[] =>
  evacuation ? [`operation ${evacuation.spec.number}, which empties it, begins no further moves`] : [];

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

export const setNode: Handler<'setNode'> = async (call) => {
  const node = await resolve(call, 'node', refOf(call));
  requireMatch(call, node);
  const { role, host } = call.body;
  const group = call.body.group === undefined ? undefined : await resolve(call, 'group', call.body.group);
  const changed = withSpec(node, {
    ...(role ? { role } : {}),
    ...(group ? { group: group.id as GroupId } : {}),
    ...(host ? { host: changedHost(node.spec.host, host) } : {}),
  });
  if (host) requireCpus(changed);
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  if (group) await countMembers(call.app.store, draft.relyOn(group), group.id, 1);
  // who wants guests there again wants none of them moved away
  const evacuation = role === 'active' ? await evacuationOf(call.app.store, node) : undefined;
  if (evacuation) draft.put(cancelled(evacuation, { by: actorOf(call.caller), at: nowOf(call.app.env) }));
  if (call.query.plan) {
    const lines = [...(await nodePlan(call.app.store, node, changed)), ...endOf(evacuation)];
    return planned(call, draft, { plan: lines });
  }
  const ends = evacuation && `cancel operation ${evacuation.spec.number}`;
  const what = [role, group && `group ${group.name}`, named({ ...(host ? { host } : {}) }), ends];
  const message = `set node ${node.name} ${what.filter(Boolean).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: node, message }), changed));
};
