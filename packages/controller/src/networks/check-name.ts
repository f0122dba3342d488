/**
 * Ganeti's name check, for clusters that may have no DNS: a name that nobody resolves is free. One that resolves says
 * whose it is: an address of the networks that the instance is in must be its own.
 */
import { isIPv4 } from 'node:net';
import { err, type Network, type Nic } from '@gantry/model';
import { ipv4ToNumber, rangeOf } from '../addresses.ts';
import { ipv6ToNumber, range6Of } from '../addresses6.ts';

/**
 * One address of its own is enough: others may be behind a NAT, or of another time. An address in none of its networks
 * (of a provider that answers for every name) says nothing, unless the instance was given another one by hand.
 * @param given addresses that the user named
 * @throws GantryError `name_resolves`
 */
export function requireNameAgrees(
  name: string,
  resolved: readonly string[],
  nics: readonly Nic[],
  networks: readonly Network[],
  given: readonly string[] = [],
): void {
  const own = nics.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
  if (resolved.some((address) => own.includes(address))) return;
  for (const address of resolved) {
    const network = networks.find((each) => lies(address, each));
    const other = given.find((each) => isIPv4(each) === isIPv4(address));
    const why = network
      ? `an address of network ${network.name} that the instance does not have`
      : other && `and the instance was given ${other}`;
    if (why) throw err('name_resolves', { name, address, why });
  }
}

function lies(address: string, { spec: { subnet, subnet6 } }: Network): boolean {
  if (isIPv4(address)) {
    const range = subnet && rangeOf(subnet.cidr);
    const number = ipv4ToNumber(address);
    return range !== undefined && number >= range.first && number <= range.last;
  }
  const range = subnet6 && range6Of(subnet6.cidr);
  const number = ipv6ToNumber(address);
  return range !== undefined && number >= range.first && number <= range.last;
}
