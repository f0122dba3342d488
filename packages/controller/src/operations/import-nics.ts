/** NICs of a domain that is imported: those on the bridge of a network of Gantry's are NICs in that network. */
import {
  err,
  type ForeignDomain,
  type ImportInstance,
  type Network,
  type Nic,
  type Node,
} from '@gantry/model';
import { rangeOf, usableAddress } from '../addresses.ts';
import { range6Of, usableAddress6 } from '../addresses6.ts';
import type { Asking } from '../api/call.ts';
import { address6Space, addressSpace } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import { isConnected } from './attachments.ts';
import { bridgeOf } from './guest-spec.ts';

type Given = NonNullable<ImportInstance['addresses']>;

export interface ImportedNics {
  nics: Nic[];
  networks: Network[];
}

/** @throws GantryError `invalid_argument`, `address_taken`, `address_outside` */
export async function importedNics(
  { app }: Asking,
  draft: Draft,
  node: Node,
  domain: ForeignDomain,
  given: Given,
): Promise<ImportedNics> {
  const all = (await app.store.list('network')).items.filter((one) => isConnected(one, node.spec.group));
  const nics: Nic[] = [];
  const networks: Network[] = [];
  for (const { mac, bridge } of domain.nics) {
    const network = all.find((one) => bridgeOf(one) === bridge);
    if (!network) continue;
    draft.relyOn(network);
    networks.push(network);
    const addresses = given.filter((one) => one.mac === mac).map(({ address }) => address);
    const granted = await claim({ app }, draft, network, domain.uuid, addresses);
    // libvirt names its tap, and nobody knows yet what it sends: it is not filtered
    nics.push({ network: network.id as Nic['network'], mac, ...granted, filter: 'off' });
  }
  const lost = given.find(({ mac }) => !nics.some((nic) => nic.mac === mac));
  if (lost)
    throw err('invalid_argument', {
      what: `address ${lost.address} of ${lost.mac}`,
      wanted: 'possible: the domain has no such NIC on the bridge of a network of Gantry’s',
    });
  return { nics, networks };
}

async function claim(
  { app }: Pick<Asking, 'app'>,
  draft: Draft,
  network: Network,
  owner: string,
  addresses: readonly string[],
): Promise<Pick<Nic, 'ipv4' | 'prefix' | 'ipv6' | 'prefix6'>> {
  const [four, more4] = addresses.filter((address) => !address.includes(':'));
  const [six, more6] = addresses.filter((address) => address.includes(':'));
  if (more4 ?? more6)
    throw err('invalid_argument', {
      what: `${more4 ?? more6}`,
      wanted: 'the only address of its kind of a NIC',
    });
  const take = async (space: string, address: string) => {
    const holder = await app.store.claimant(space, address);
    if (holder) {
      const whose = (await app.store.get('instance', holder))?.name ?? holder;
      throw err('address_taken', { address, network: network.name, owner: whose });
    }
    draft.take(space, address, owner);
    return address;
  };
  const { subnet, subnet6 } = network.spec;
  const own4 = four && (await take(addressSpace(network.id), usableAddress(network, four)));
  const own6 = six && (await take(address6Space(network.id), usableAddress6(network, six)));
  return {
    ...(own4 ? { ipv4: own4, ...(subnet ? { prefix: rangeOf(subnet.cidr).prefix } : {}) } : {}),
    ...(own6 ? { ipv6: own6, ...(subnet6 ? { prefix6: range6Of(subnet6.cidr).prefix } : {}) } : {}),
  };
}
