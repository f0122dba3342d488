/** Groups of nodes, and what holds for whom: settings that cluster, groups and nodes inherit. */
import {
  builtinPolicy,
  type EffectiveSetting,
  effectiveSettings,
  type GroupSpec,
  type SettingsLevel,
} from '@gantry/model';
import type { Kinds } from '../kinds.ts';
import { countMembers } from '../members.ts';
import { claimSegment, segmentNumber } from '../networks/check-network.ts';
import { theCluster } from '../operations/guest-spec.ts';
import { Draft } from '../store/batch.ts';
import { type Handler, resolve } from './call.ts';
import { inherited } from './inherited.ts';
import { refOf } from './list.ts';
import { createNamed, deleteNamed, requireUnused } from './named.ts';

export const createGroup: Handler<'createGroup'> = async (call) => {
  const { name, labels, guest, host } = call.body;
  const changes = { ...(guest ? { guest } : {}), ...(host ? { host } : {}) };
  const spec: GroupSpec = inherited(changes, { name, spec: {} }, 'group');
  return createNamed(call, 'group', { name, labels, spec, status: {} });
};

export const deleteGroup: Handler<'deleteGroup'> = async (call) => {
  const { store, env } = call.app;
  const group = await resolve(call, 'group', refOf(call));
  const draft = new Draft(env.clock.now());
  await countMembers(store, draft, group.id, 0);
  claimSegment(draft, await segmentNumber(store));
  const networks = (await store.list('network')).items;
  requireUnused(group, [
    ...(await store.list('node', { owner: group.id })).items,
    ...networks.filter(({ spec }) => spec.groups?.some((id) => id === group.id)),
  ]);
  return deleteNamed(call, group, draft);
};

export const getClusterSettings: Handler<'getClusterSettings'> = async ({ app }) => ({
  body: { items: settingsOf(await theCluster(app.store)) },
});

export const getGroupSettings: Handler<'getGroupSettings'> = async (call) => {
  const group = await resolve(call, 'group', refOf(call));
  return { body: { items: settingsOf(await theCluster(call.app.store), group) } };
};

export const getNodeSettings: Handler<'getNodeSettings'> = async (call) => {
  const { store } = call.app;
  const node = await resolve(call, 'node', refOf(call));
  const group = await store.get('group', node.spec.group);
  return { body: { items: settingsOf(await theCluster(store), group, node) } };
};

/** Of guests on it, and of it as a host. */
function settingsOf(
  cluster: Kinds['cluster'],
  group?: Kinds['group'],
  node?: Kinds['node'],
): EffectiveSetting[] {
  const levels = (which: 'guest' | 'host'): SettingsLevel[] => [
    { level: 'cluster', from: cluster.name, settings: cluster.spec[which] },
    ...(group ? [{ level: 'group', from: group.name, settings: group.spec[which] }] : []),
  ];
  const builtin = { level: 'builtin', from: 'gantry', settings: builtinPolicy };
  const own = node ? [{ level: 'node', from: node.name, settings: node.spec.host }] : [];
  return [
    ...effectiveSettings('guest', [builtin, ...levels('guest')]),
    ...effectiveSettings('host', [...levels('host'), ...own]),
  ];
}
