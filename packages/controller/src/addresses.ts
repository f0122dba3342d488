/** Addresses and MACs: which are usable in a network, and in which order. Pure. */
import { err, type Network, type Subnet } from '@gantry/model';

export const ipv4ToNumber = (text: string): number =>
  text.split('.').reduce((number, part) => number * 256 + Number(part), 0);

export const numberToIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

export interface Range {
  /** First and last address of the subnet, network and broadcast among them. */
  first: number;
  last: number;
  prefix: number;
}

export function rangeOf(cidr: string): Range {
  const [address = '', bits = ''] = cidr.split('/');
  const prefix = Number(bits);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(ipv4ToNumber(address) / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** Addresses that may be handed out: not the network's, the broadcast, the gateway, or reserved ones. */
function whyNotUsable(subnet: Subnet, address: number): string | undefined {
  const { first, last, prefix } = rangeOf(subnet.cidr);
  if (address < first || address > last) return `it lies outside ${subnet.cidr}`;
  if (prefix < 31 && address === first) return 'it names the network itself';
  if (prefix < 31 && address === last) return 'it is the broadcast address';
  const text = numberToIpv4(address);
  if (text === subnet.gateway) return 'it is the gateway';
  if (subnet.reserved?.includes(text)) return 'it is reserved';
  return undefined;
}

/**
 * The address asked for, if it is one to be had; whether it is taken is for who asks.
 * @throws GantryError `address_outside`
 */
export function usableAddress({ name, spec }: Pick<Network, 'name' | 'spec'>, address: string): string {
  const why = spec.subnet ? whyNotUsable(spec.subnet, ipv4ToNumber(address)) : 'the network has no subnet';
  if (why) throw err('address_outside', { address, network: name, why });
  return address;
}

/** What the pool hands out, in order, taken or not. */
export function* poolAddresses({ subnet }: Network['spec']): Generator<string> {
  if (!subnet) return;
  const { start, end } = poolOf(subnet);
  for (let number = start; number <= end; number++)
    if (whyNotUsable(subnet, number) === undefined) yield numberToIpv4(number);
}

function poolOf(subnet: Subnet): { start: number; end: number } {
  const { first, last } = rangeOf(subnet.cidr);
  return {
    start: subnet.poolStart ? ipv4ToNumber(subnet.poolStart) : first,
    end: subnet.poolEnd ? ipv4ToNumber(subnet.poolEnd) : last,
  };
}

/**
 * A subnet whose parts fit together.
 * @throws GantryError `invalid_argument`
 */
export function checkSubnet(subnet: Subnet): void {
  const { first, last, prefix } = rangeOf(subnet.cidr);
  const refuse = (what: string, wanted: string) => err('invalid_argument', { what, wanted });
  if (prefix < 8 || prefix > 30) throw refuse(`subnet ${subnet.cidr}`, 'between /8 and /30');
  if (`${numberToIpv4(first)}/${prefix}` !== subnet.cidr)
    throw refuse(`subnet ${subnet.cidr}`, `the network’s own address (${numberToIpv4(first)}/${prefix})`);
  if (!isUnicast(first)) throw refuse(`subnet ${subnet.cidr}`, 'of addresses that hosts may have');
  for (const [what, address] of Object.entries({
    gateway: subnet.gateway,
    poolStart: subnet.poolStart,
    poolEnd: subnet.poolEnd,
  })) {
    const number = address === undefined ? first + 1 : ipv4ToNumber(address);
    if (number <= first || number >= last)
      throw refuse(`${what} ${address}`, `a host address inside ${subnet.cidr}`);
  }
  const stray = subnet.reserved?.map(ipv4ToNumber).find((number) => number < first || number > last);
  if (stray !== undefined) throw refuse(`reserved address ${numberToIpv4(stray)}`, `inside ${subnet.cidr}`);
  const { start, end } = poolOf(subnet);
  if (start > end) throw refuse(`the pool ${subnet.poolStart}-${subnet.poolEnd}`, 'in ascending order');
}

/** Neither "this network", loopback and link-local, nor multicast and what is above it (RFC 6890, RFC 5771). */
function isUnicast(number: number): boolean {
  const [octet, second] = [Math.floor(number / 2 ** 24), Math.floor(number / 2 ** 16) % 256];
  return octet !== 0 && octet !== 127 && octet < 224 && !(octet === 169 && second === 254);
}

/** Locally administered prefix of QEMU. */
const QEMU_PREFIX = '52:54:00';

/** A random MAC address under the cluster's prefix. */
export function randomMac(prefix: string | undefined, bytes: Uint8Array): string {
  const tail = [...bytes.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0'));
  return [prefix ?? QEMU_PREFIX, ...tail].join(':');
}

/** @throws GantryError `invalid_argument` for group and all-zero addresses */
export function checkMac(mac: string): void {
  const first = Number.parseInt(mac.slice(0, 2), 16);
  if (first % 2 === 1 || mac === '00:00:00:00:00:00')
    throw err('invalid_argument', { what: `MAC ${mac}`, wanted: 'a unicast address' });
}
