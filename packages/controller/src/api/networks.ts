import type { Attachment } from '@gantry/model';
import { changedSpec, groupsOf, idsOf, requireNotCutOff } from '../networks/change-network.ts';
import { BRIDGE_SPACE, claimSegment, completeNetwork, requireApart } from '../networks/check-network.ts';
import { requireNobodyInside } from '../networks/check-shadow.ts';
import { withReservations } from '../networks/reservations.ts';
import { bridgeOf } from '../operations/guest-spec.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { planned } from './begun.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, requireUnused } from './named.ts';
import { networkPlan } from './set-plans.ts';

export const listNetworks: Handler<'listNetworks'> = (call) => listReply(call, 'network');
export const getNetwork: Handler<'getNetwork'> = (call) => getReply(call, 'network');

/** Networks are for all projects. */
export const createNetwork: Handler<'createNetwork'> = async (call) => {
  const { name, labels, spec: asked } = call.body;
  const groups = await groupsOf(call, asked.groups);
  const { groups: _names, ...rest } = asked;
  const spec = completeNetwork({ ...rest, ...idsOf(groups) });
  await requireNobodyInside(call.app, spec);
  const number = await requireApart(call.app.store, name, spec);
  return createNamed(call, 'network', { name, labels, spec, status: {} }, (draft, network) => {
    claimSegment(draft.relyOn(...groups), number);
    if (spec.mode !== 'bridge') draft.take(BRIDGE_SPACE, bridgeOf(network), network.id);
  });
};

/** Its nodes follow (task `network-nodes`). */
export const setNetwork: Handler<'setNetwork'> = async (call) => {
  const { store, env } = call.app;
  const network = await resolve(call, 'network', refOf(call));
  requireMatch(call, network);
  const groups = await groupsOf(call, call.body.groups);
  const spec = completeNetwork(withReservations(changedSpec(network.spec, call.body, groups), call.body));
  const changed = { ...network, generation: network.generation + 1, spec };
  const number = await requireApart(store, network.name, spec);
  const draft = claimSegment(new Draft(env.clock.now()).put(changed).relyOn(...groups), number);
  await requireNotCutOff(store, changed);
  if (call.query.plan) return planned(call, draft, { plan: await networkPlan(store, network, changed) });
  const message = `set ${Object.keys(call.body).join(', ')} of network ${network.name}`;
  return resourceReply(committed(await call.commit(draft, { subject: network, message }), changed));
};

/** As its nodes report it. */
export const listNetworkNodes: Handler<'listNetworkNodes'> = async (call) => {
  const network = await resolve(call, 'network', refOf(call));
  return { body: { items: (await call.app.store.list('attachment', { owner: network.id })).items } };
};

/** Its attachments become tombstones, which the nodes take away. */
export const deleteNetwork: Handler<'deleteNetwork'> = async (call) => {
  const network = await resolve(call, 'network', refOf(call));
  const draft = new Draft(call.app.env.clock.now());
  await relyOnNoNewOperation(call.app.store, draft);
  const { items: instances } = await call.app.store.list('instance');
  requireUnused(
    network,
    instances.filter(({ spec }) => spec.nics.some((nic) => nic.network === network.id)),
  );
  const { items } = await call.app.store.list('attachment', { owner: network.id });
  for (const attachment of items) draft.put(withSpec<Attachment>(attachment, { desired: 'absent' }));
  return deleteNamed(call, network, draft);
};
