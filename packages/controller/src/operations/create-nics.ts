/** NICs of a new instance: networks, MACs and addresses, each claimed in the commit that makes the instance. */
import { type CreateInstance, err, type Network, type Nic } from '@gantry/model';
import { checkMac, pooledAddress, randomMac, rangeOf, wantedAddress } from '../addresses.ts';
import { granted6 } from '../addresses6.ts';
import { type Asking, resolve } from '../api/call.ts';
import { address6Space, addressSpace, MAC_SPACE } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

type RequestedNic = NonNullable<CreateInstance['nics']>[number];

export interface NewNics {
  nics: Nic[];
  networks: Network[];
}

/** @throws GantryError `not_found`, `address_taken`, `address_outside`, `pool_exhausted` */
export async function claimNics(
  asking: Asking,
  body: CreateInstance,
  owner: string,
  macPrefix: string | undefined,
  draft: Draft,
): Promise<NewNics> {
  const networks: Network[] = [];
  const nics: Nic[] = [];
  for (const wanted of body.nics ?? (await defaultNics(asking))) {
    requireTrust(asking, wanted);
    const network = await resolve(asking, 'network', wanted.network);
    const mac = await claimMac(asking, wanted, owner, macPrefix, draft);
    const address = await claimAddress(asking.app.store, wanted, network, owner, draft);
    const address6 = await claimAddress6(asking.app.store, wanted, network, owner, draft);
    networks.push(network);
    draft.relyOn(network);
    nics.push({ network: network.id as Nic['network'], mac, ...address, ...address6, ...trustOf(wanted) });
  }
  return { nics, networks };
}

/** Who loosens the filter of a NIC can pretend to be another guest: not a project's own to decide. */
function requireTrust({ caller }: Asking, { filter, allow }: RequestedNic): void {
  const looser = filter === 'off' || (allow ?? []).length > 0;
  if (looser && caller.role !== 'admin')
    throw err('forbidden', {
      action: 'loosen the filter of a NIC',
      why: 'its guest could use addresses of others',
    });
}

const trustOf = ({ filter, allow }: RequestedNic): Pick<Nic, 'filter' | 'allow'> => ({
  ...(filter ? { filter } : {}),
  ...(allow && allow.length > 0 ? { allow } : {}),
});

async function defaultNics({ app }: Asking): Promise<RequestedNic[]> {
  const found = await app.store.named('network', 'default');
  return found.length > 0 ? [{ network: 'default' }] : [];
}

async function claimMac(
  { app }: Asking,
  { mac }: RequestedNic,
  owner: string,
  prefix: string | undefined,
  draft: Draft,
): Promise<string> {
  if (mac !== undefined) {
    checkMac(mac);
    const holder = await holderOf(app.store, MAC_SPACE, mac);
    if (holder || draft.batch.take.some(({ space, value }) => space === MAC_SPACE && value === mac))
      throw err('name_taken', { kind: 'MAC', name: mac });
  }
  const granted = mac ?? randomMac(prefix, app.env.randomBytes(3));
  draft.take(MAC_SPACE, granted, owner);
  return granted;
}

async function holderOf(store: Store, space: string, value: string): Promise<string | undefined> {
  return (await store.claims(space)).find((claim) => claim.value === value)?.owner;
}

async function claimAddress(
  store: Store,
  { address }: RequestedNic,
  network: Network,
  owner: string,
  draft: Draft,
): Promise<{ ipv4?: string; prefix?: number }> {
  const { subnet } = network.spec;
  if (address === 'none' || (address === undefined && !subnet)) return {};
  const space = addressSpace(network.id);
  const taken = await takenIn(store, space, draft);
  const holder = address === undefined ? undefined : taken.get(address);
  if (address !== undefined && holder) taken.set(address, await nameOf(store, holder));
  const ipv4 =
    address === undefined || address === 'pool'
      ? pooledAddress(network, taken)
      : wantedAddress(network, taken, address);
  draft.take(space, ipv4, owner);
  return { ipv4, ...(subnet ? { prefix: rangeOf(subnet.cidr).prefix } : {}) };
}

async function claimAddress6(
  store: Store,
  { address6 }: RequestedNic,
  network: Network,
  owner: string,
  draft: Draft,
): Promise<{ ipv6?: string; prefix6?: number }> {
  const { subnet6 } = network.spec;
  if (address6 === 'none' || (address6 === undefined && !subnet6)) return {};
  const space = address6Space(network.id);
  const taken = await takenIn(store, space, draft);
  const { ipv6, prefix } = granted6(network, taken, address6 ?? 'pool');
  const holder = taken.get(ipv6);
  if (holder)
    throw err('address_taken', {
      address: ipv6,
      network: network.name,
      owner: await nameOf(store, holder),
    });
  draft.take(space, ipv6, owner);
  return { ipv6, prefix6: prefix };
}

/** Addresses with their owners, those of this draft among them. */
async function takenIn(store: Store, space: string, draft: Draft): Promise<Map<string, string>> {
  const taken = new Map<string, string>();
  for (const claim of [...(await store.claims(space)), ...draft.batch.take])
    if (claim.space === space) taken.set(claim.value, claim.owner);
  return taken;
}

async function nameOf(store: Store, instance: string): Promise<string> {
  return (await store.get('instance', instance))?.name ?? 'this request';
}
