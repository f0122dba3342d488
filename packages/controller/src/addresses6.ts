/** IPv6 addresses of a network: which are usable, and the first free one. In canonical text (RFC 5952), so that one is one. Pure. */
import { err, type Network, type Subnet6 } from '@gantry/model';

/** @param text a valid address without an embedded IPv4 one */
export function ipv6ToNumber(text: string): bigint {
  const [head = '', tail] = text.split('::', 2);
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** The longest run of zero groups, at least two and the first of several, becomes `::`. */
export function numberToIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce((best, [run]) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = runs.find(([run]) => run === longest)?.index ?? 0;
  const [before, after] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${before.replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}

interface Range6 {
  first: bigint;
  last: bigint;
  prefix: number;
}

export function range6Of(cidr: string): Range6 {
  const [address = '', bits = ''] = cidr.split('/');
  const prefix = Number(bits);
  const hostBits = BigInt(128 - prefix);
  const first = (ipv6ToNumber(address) >> hostBits) << hostBits;
  return { first, last: first + (1n << hostBits) - 1n, prefix };
}

export function overlap6(one: string, other: string): boolean {
  const [a, b] = [range6Of(one), range6Of(other)];
  return a.first <= b.last && b.first <= a.last;
}

/** The first address belongs to all routers of the subnet (RFC 4291, 2.6.1). */
function whyNotUsable(subnet: Subnet6, address: bigint): string | undefined {
  const { first, last } = range6Of(subnet.cidr);
  if (address < first || address > last) return `it lies outside ${subnet.cidr}`;
  if (address === first) return 'it is the anycast address of the routers';
  if (subnet.gateway && address === ipv6ToNumber(subnet.gateway)) return 'it is the gateway';
  if (subnet.reserved?.some((each) => ipv6ToNumber(each) === address)) return 'it is reserved';
  return undefined;
}

/**
 * The address asked for, if it is usable (whether it is taken is for who asks), or the first free one of the pool.
 * @throws GantryError `address_outside`, `pool_exhausted`
 */
export function granted6(
  network: Pick<Network, 'name' | 'spec'>,
  taken: ReadonlyMap<string, string>,
  address: string,
): { ipv6: string; prefix: number } {
  const { subnet6: subnet } = network.spec;
  if (!subnet) {
    const why = 'the network has no IPv6 subnet';
    if (address === 'pool') throw err('pool_exhausted', { network: network.name });
    throw err('address_outside', { address, network: network.name, why });
  }
  const { prefix } = range6Of(subnet.cidr);
  if (address === 'pool') return { ipv6: pooled6(network.name, subnet, taken), prefix };
  const number = ipv6ToNumber(address);
  const why = whyNotUsable(subnet, number);
  if (why) throw err('address_outside', { address, network: network.name, why });
  return { ipv6: numberToIpv6(number), prefix };
}

/** Ends after as many steps as addresses are taken or unusable: the first that is neither is the answer. */
function pooled6(network: string, subnet: Subnet6, taken: ReadonlyMap<string, string>): string {
  const { start, end } = poolOf(subnet);
  for (let number = start; number <= end; number++) {
    const text = numberToIpv6(number);
    if (!taken.has(text) && whyNotUsable(subnet, number) === undefined) return text;
  }
  throw err('pool_exhausted', { network });
}

function poolOf({ cidr, poolStart, poolEnd }: Subnet6): { start: bigint; end: bigint } {
  const { first, last } = range6Of(cidr);
  return {
    start: poolStart ? ipv6ToNumber(poolStart) : first + 1n,
    end: poolEnd ? ipv6ToNumber(poolEnd) : last,
  };
}

/** Of link-local addresses (fe80::/10): a gateway may have one. */
const isLinkLocal = (address: bigint): boolean => address >> 118n === 0x3fan;

/**
 * A subnet whose parts fit together.
 * @throws GantryError `invalid_argument`
 */
export function checkSubnet6(subnet: Subnet6): void {
  const { first, last, prefix } = range6Of(subnet.cidr);
  const refuse = (what: string, wanted: string) => err('invalid_argument', { what, wanted });
  if (prefix < 16 || prefix > 126) throw refuse(`subnet ${subnet.cidr}`, 'between /16 and /126');
  if (`${numberToIpv6(first)}/${prefix}` !== subnet.cidr)
    throw refuse(`subnet ${subnet.cidr}`, `the network’s own address (${numberToIpv6(first)}/${prefix})`);
  if (isLinkLocal(first) || first >> 120n === 0xffn)
    throw refuse(`subnet ${subnet.cidr}`, 'neither link-local nor multicast');
  const { gateway, poolStart, poolEnd } = subnet;
  for (const [what, address] of Object.entries({ gateway, poolStart, poolEnd })) {
    if (address === undefined) continue;
    const number = ipv6ToNumber(address);
    const outside = number <= first || number > last;
    if (outside && !(what === 'gateway' && isLinkLocal(number)))
      throw refuse(`${what} ${address}`, `a host address inside ${subnet.cidr}`);
  }
  const { start, end } = poolOf(subnet);
  if (start > end) throw refuse(`the pool ${poolStart}-${poolEnd}`, 'in ascending order');
}
