import type { Network, Subnet } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkSubnet,
  ipv4ToNumber,
  numberToIpv4,
  poolAddresses,
  randomMac,
  rangeOf,
  usableAddress,
} from './addresses.ts';

const networkOf = (subnet: Subnet): Network => ({ name: 'net', spec: { mode: 'nat', subnet } }) as Network;

const address = fc.nat(2 ** 31 - 1).map((half) => half * 2 + 1);
const unicast = fc.oneof(
  fc.integer({ min: 2 ** 24, max: 127 * 2 ** 24 - 1 }),
  fc.integer({ min: 170 * 2 ** 24, max: 224 * 2 ** 24 - 1 }),
);
const subnets = fc.tuple(unicast, fc.integer({ min: 8, max: 30 })).map(([number, prefix]) => {
  const first = rangeOf(`${numberToIpv4(number)}/${prefix}`).first;
  return { cidr: `${numberToIpv4(first)}/${prefix}` };
});

test('addresses and numbers are each other’s inverse', () => {
  fc.assert(fc.property(address, (number) => ipv4ToNumber(numberToIpv4(number)) === number));
});

test('a pool has each usable address once, all inside the subnet', () => {
  fc.assert(
    fc.property(subnets, fc.nat(30), (subnet, reservedCount) => {
      checkSubnet(subnet);
      const { first, last } = rangeOf(subnet.cidr);
      const gateway = numberToIpv4(first + 1);
      const poolEnd = numberToIpv4(Math.min(last - 1, first + 60));
      const reserved = Array.from({ length: reservedCount }, (_, index) => numberToIpv4(first + 2 + index));
      const network = networkOf({ ...subnet, gateway, poolEnd, reserved });
      const usable = Math.max(
        0,
        ipv4ToNumber(poolEnd) -
          (first + 1) -
          reserved.filter((each) => ipv4ToNumber(each) <= ipv4ToNumber(poolEnd)).length,
      );
      const given = [...poolAddresses(network.spec)];
      expect(new Set(given).size).toBe(usable);
      for (const each of given) expect(usableAddress(network, each)).toBe(each);
      expect(given).not.toContain(gateway);
    }),
    { numRuns: 50 },
  );
});

test.each([
  ...['0.0.0.0/8', '127.0.0.0/24', '169.254.9.0/24', '224.0.0.0/24', '240.0.0.0/8', '255.255.255.0/24'],
])('no host has an address in %s', (cidr) => {
  expect(() => checkSubnet({ cidr })).toThrow(/of addresses that hosts may have/);
});
test.each(['10.0.0.0/8', '126.0.0.0/8', '128.0.0.0/8', '169.253.0.0/16', '223.255.255.0/24'])(
  '%s may be',
  (cidr) => {
    expect(() => checkSubnet({ cidr })).not.toThrow();
  },
);

test('generated MACs keep the prefix and are lower case', () => {
  expect(randomMac(undefined, new Uint8Array([0, 171, 255]))).toBe('52:54:00:00:ab:ff');
  expect(randomMac('aa:00:00', new Uint8Array([1, 2, 3]))).toBe('aa:00:00:01:02:03');
});
