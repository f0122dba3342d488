import { type Attachment, err, type NetworkSpec } from '@gantry/model';
import { checkSubnet, numberToIpv4, rangeOf } from '../addresses.ts';
import { bridgeOf } from '../operations/guest-spec.ts';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { type Handler, resolve } from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, requireUnused } from './named.ts';

export const listNetworks: Handler<'listNetworks'> = (call) => listReply(call, 'network');
export const getNetwork: Handler<'getNetwork'> = (call) => getReply(call, 'network');

/** Networks are for all projects. */
export const createNetwork: Handler<'createNetwork'> = async (call) => {
  const { name, labels, spec } = call.body;
  const complete = completeNetwork(spec);
  await requireApart(call.app.store, complete);
  return createNamed(call, 'network', { name, labels, spec: complete, status: {} }, (draft, network) => {
    if (spec.mode === 'nat') draft.take(BRIDGE_SPACE, bridgeOf(network), network.id);
  });
};

/**
 * With the gateway that mode `nat` needs: by default the first address of the subnet.
 * @throws GantryError `invalid_argument`
 */
export function completeNetwork<S extends Parameters<typeof createNetwork>[0]['body']['spec']>(spec: S): S {
  const { mode, bridge, subnet } = spec;
  const refuse = (what: string, wanted: string) => err('invalid_argument', { what, wanted });
  if (mode === 'bridge' && bridge === undefined)
    throw refuse('a network of mode bridge without bridge', 'complete');
  if (mode === 'nat' && subnet === undefined)
    throw refuse('a network of mode nat without subnet', 'complete');
  if (!subnet) return spec;
  checkSubnet(subnet);
  const gateway =
    subnet.gateway ?? (mode === 'nat' ? numberToIpv4(rangeOf(subnet.cidr).first + 1) : undefined);
  return gateway ? { ...spec, subnet: { ...subnet, gateway } } : spec;
}

/** Bridges that agents make for one network each. */
const BRIDGE_SPACE = 'bridge';

/** Two networks with NAT on one node need different bridges and subnets. */
async function requireApart(store: Store, { mode, bridge, subnet }: NetworkSpec): Promise<void> {
  if (mode !== 'nat' || !subnet) return;
  const mine = rangeOf(subnet.cidr);
  for (const other of (await store.list('network')).items) {
    if (other.spec.mode !== 'nat' || !other.spec.subnet) continue;
    const theirs = rangeOf(other.spec.subnet.cidr);
    if (mine.first <= theirs.last && theirs.first <= mine.last)
      throw err('invalid_argument', {
        what: `subnet ${subnet.cidr}`,
        wanted: `apart from that of network ${other.name}`,
      });
    if (bridge !== undefined && bridge === bridgeOf(other))
      throw err('invalid_argument', {
        what: `bridge ${bridge}`,
        wanted: `apart from that of network ${other.name}`,
      });
  }
}

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
