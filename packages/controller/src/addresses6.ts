/** IPv6 addresses of a network: which are usable, and in which order. In canonical text (RFC 5952), so that one is one. Pure. */
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
 * The address asked for, if it is one to be had; whether it is taken is for who asks.
 * @returns it in canonical text
 * @throws GantryError `address_outside`
 */
export function usableAddress6({ name, spec }: Pick<Network, 'name' | 'spec'>, address: string): string {
  const number = ipv6ToNumber(address);
  const why = spec.subnet6 ? whyNotUsable(spec.subnet6, number) : 'the network has no IPv6 subnet';
  if (why) throw err('address_outside', { address, network: name, why });
  return numberToIpv6(number);
}

/** What the pool hands out, in order, taken or not. May be more than anybody can count to. */
export function* poolAddresses6({ subnet6 }: Network['spec']): Generator<string> {
  if (!subnet6) return;
  const { start, end } = poolOf(subnet6);
  for (let number = start; number <= end; number++)
    if (whyNotUsable(subnet6, number) === undefined) yield numberToIpv6(number);
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
  const stray = subnet.reserved?.map(ipv6ToNumber).find((number) => number < first || number > last);
  if (stray !== undefined) throw refuse(`reserved address ${numberToIpv6(stray)}`, `inside ${subnet.cidr}`);
  const { start, end } = poolOf(subnet);
  if (start > end) throw refuse(`the pool ${poolStart}-${poolEnd}`, 'in ascending order');
}
