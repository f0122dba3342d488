/** NICs of a new instance: networks, MACs and addresses, each claimed in the commit that makes the instance. */
import { type CreateInstance, err, type Network, type Nic } from '@gantry/model';
import { checkMac, poolAddresses, randomMac, rangeOf, usableAddress } from '../addresses.ts';
import { poolAddresses6, range6Of, usableAddress6 } from '../addresses6.ts';
import { type Asking, resolve } from '../api/call.ts';
import { address6Space, addressSpace, MAC_SPACE } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import type { Store } from '../store/store.ts';
import { firstFree } from './first-free.ts';

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
    nics.push({
      network: network.id as Nic['network'],
      mac,
      ...address,
      ...address6,
      ...(wanted.model ? { model: wanted.model } : {}),
      ...trustOf(wanted),
    });
  }
  return { nics, networks };
}

/**
 * Who loosens the filter of a NIC can pretend to be another guest: not a project's own to decide.
 * @throws GantryError `forbidden`
 */
export function requireTrust({ caller }: Asking, { filter, allow }: Pick<Nic, 'filter' | 'allow'>): void {
  const looser = filter === 'off' || (allow ?? []).length > 0;
  if (looser && caller.role !== 'admin')
    throw err('forbidden', {
      action: 'loosen the filter of a NIC',
      why: 'its guest could use addresses of others',
    });
}

export const trustOf = ({ filter, allow }: Pick<Nic, 'filter' | 'allow'>): Pick<Nic, 'filter' | 'allow'> => ({
  ...(filter ? { filter } : {}),
  ...(allow && allow.length > 0 ? { allow } : {}),
});

/** Of a NIC that is there: those that stay as they are, and new ones claimed. What it leaves is for the caller to release. */
export async function reclaimAddresses(
  asking: Asking,
  wanted: { address?: RequestedNic['address']; address6?: RequestedNic['address6'] },
  network: Network,
  nic: Nic,
  owner: string,
  draft: Draft,
): Promise<Pick<Nic, 'ipv4' | 'prefix' | 'ipv6' | 'prefix6'>> {
  const { store } = asking.app;
  const { address, address6 } = wanted;
  const moves = network.id !== nic.network;
  draft.relyOn(network);
  const keeps4 = !moves && (address === undefined || address === nic.ipv4);
  const keeps6 = !moves && (address6 === undefined || address6 === nic.ipv6);
  const { ipv4, prefix, ipv6, prefix6 } = nic;
  const ask = { network: network.id, ...(address ? { address } : {}), ...(address6 ? { address6 } : {}) };
  return {
    ...(keeps4
      ? { ...(ipv4 ? { ipv4 } : {}), ...(prefix === undefined ? {} : { prefix }) }
      : await claimAddress(store, ask, network, owner, draft)),
    ...(keeps6
      ? { ...(ipv6 ? { ipv6 } : {}), ...(prefix6 === undefined ? {} : { prefix6 }) }
      : await claimAddress6(store, ask, network, owner, draft)),
  };
}

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
    const holder = await app.store.claimant(MAC_SPACE, mac);
    if (holder || draft.batch.take.some(({ space, value }) => space === MAC_SPACE && value === mac))
      throw err('name_taken', { kind: 'MAC', name: mac });
  }
  const granted = mac ?? randomMac(prefix, app.env.randomBytes(3));
  draft.take(MAC_SPACE, granted, owner);
  return granted;
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
  const pooled = address === undefined || address === 'pool';
  const wanted = pooled ? { among: poolAddresses(network.spec) } : { one: usableAddress(network, address) };
  const ipv4 = await claimFree(store, draft, space, network, owner, wanted);
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
  const pooled = address6 === undefined || address6 === 'pool';
  const wanted = pooled
    ? { among: poolAddresses6(network.spec) }
    : { one: usableAddress6(network, address6) };
  const ipv6 = await claimFree(store, draft, space, network, owner, wanted);
  return { ipv6, ...(subnet6 ? { prefix6: range6Of(subnet6.cidr).prefix } : {}) };
}

/** @throws GantryError `address_taken`, `pool_exhausted` */
async function claimFree(
  store: Store,
  draft: Draft,
  space: string,
  network: Network,
  owner: string,
  wanted: { one: string } | { among: Iterable<string> },
): Promise<string> {
  const mine = new Set(draft.batch.take.flatMap((claim) => (claim.space === space ? [claim.value] : [])));
  const address =
    'one' in wanted
      ? await freeOne(store, space, network, mine, wanted.one)
      : await firstFree(store, space, mine, wanted.among);
  if (address === undefined) throw err('pool_exhausted', { network: network.name });
  draft.take(space, address, owner);
  return address;
}

async function freeOne(
  store: Store,
  space: string,
  network: Network,
  mine: ReadonlySet<string>,
  address: string,
): Promise<string> {
  const holder = await store.claimant(space, address);
  if (holder === undefined && !mine.has(address)) return address;
  const instance = holder === undefined ? undefined : await store.get('instance', holder);
  throw err('address_taken', { address, network: network.name, owner: instance?.name ?? 'this request' });
}
