/** IPv4 addresses as numbers, as far as a node needs them. */
import { err } from '@gantry/model';

const ADDRESS = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

export const isIpv4 = (text: string): boolean => ADDRESS.test(text);

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

const toText = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** A subnet with room for a host besides its gateway. */
export interface Net {
  /** First address. */
  network: string;
  prefix: number;
  netmask: string;
  /** `network/prefix`, canonical: host bits cleared. */
  cidr: string;
  contains(address: string): boolean;
  /** Neither the first nor the last address. */
  usable(address: string): boolean;
  /** The n-th address, 0 is the network's own. */
  at(n: number): string;
}

/**
 * "10.1.2.3/24" to its subnet.
 * @throws GantryError `invalid_argument` when it is none, or has no room (prefix above 30)
 */
export function parseNet(cidr: string): Net {
  const [address = '', length = ''] = cidr.split('/');
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : Number.NaN;
  if (!isIpv4(address) || !(prefix >= 1 && prefix <= 30))
    throw err('invalid_argument', {
      what: JSON.stringify(cidr.slice(0, 64)),
      wanted: 'an IPv4 subnet with a prefix of 1 to 30',
    });
  const size = 2 ** (32 - prefix);
  const first = Math.floor(toNumber(address) / size) * size;
  const offset = (other: string): number => (isIpv4(other) ? toNumber(other) - first : -1);
  return {
    network: toText(first),
    prefix,
    netmask: toText(2 ** 32 - size),
    cidr: `${toText(first)}/${prefix}`,
    contains: (other) => offset(other) >= 0 && offset(other) < size,
    usable: (other) => offset(other) > 0 && offset(other) < size - 1,
    at: (n) => toText(first + n),
  };
}
