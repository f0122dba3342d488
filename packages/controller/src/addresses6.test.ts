import type { Subnet6 } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkSubnet6,
  ipv6ToNumber,
  numberToIpv6,
  overlap6,
  poolAddresses6,
  usableAddress6,
} from './addresses6.ts';

const networkOf = (subnet6: Subnet6) => ({ name: 'net', spec: { mode: 'uplink' as const, subnet6 } });

test('text and number are the same address', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 128n - 1n), (number) => ipv6ToNumber(numberToIpv6(number)) === number),
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0n, 0n, 1n, 0x10n, 0xa0bn), { minLength: 8, maxLength: 8 }),
      (groups) => {
        const number = groups.reduce<bigint>((sum, group) => sum * 65_536n + group, 0n);
        return ipv6ToNumber(numberToIpv6(number)) === number;
      },
    ),
  );
});

test.each([
  ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ['10:0:0:100:0:0:0:10', '10:0:0:100::10'],
])('%s is written %s', (long, short) => {
  expect(numberToIpv6(ipv6ToNumber(long))).toBe(short);
});

test('a pool has each usable address once, all inside it', () => {
  const network = networkOf({
    cidr: '2001:db8::/64',
    gateway: '2001:db8::1',
    poolEnd: '2001:db8::6',
    reserved: ['2001:db8:0:0::3'],
  });
  expect([...poolAddresses6(network.spec)]).toEqual(['2', '4', '5', '6'].map((end) => `2001:db8::${end}`));
});

test.each([
  ['2001:db8:1::5', 'outside 2001:db8::/64'],
  ['2001:db8::', 'anycast'],
  ['2001:db8:0:0:0::1', 'it is the gateway'],
  ['2001:db8::3', 'it is reserved'],
])('%s is not usable: %s', (address, why) => {
  const network = networkOf({ cidr: '2001:db8::/64', gateway: '2001:db8::1', reserved: ['2001:db8::3'] });
  expect(() => usableAddress6(network, address)).toThrow(why);
});

test.each<[string, Subnet6, boolean]>([
  ['a plain one', { cidr: '2001:db8::/64' }, true],
  ['a link-local gateway', { cidr: '2001:db8::/64', gateway: 'fe80::1' }, true],
  ['host bits', { cidr: '2001:db8::1/64' }, false],
  ['another spelling', { cidr: '2001:db8:0::/64' }, false],
  ['too small', { cidr: '2001:db8::/127' }, false],
  ['link-local', { cidr: 'fe80::/64' }, false],
  ['multicast', { cidr: 'ff02::/64' }, false],
  ['a gateway outside', { cidr: '2001:db8::/64', gateway: '2001:db9::1' }, false],
  ['a pool outside', { cidr: '2001:db8::/64', poolEnd: '2001:db9::1' }, false],
  ['a pool backwards', { cidr: '2001:db8::/64', poolStart: '2001:db8::9', poolEnd: '2001:db8::8' }, false],
])('%s', (_what, subnet, good) => {
  const check = () => checkSubnet6(subnet);
  if (good) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});

test('subnets overlap when one lies in the other', () => {
  expect(overlap6('2001:db8::/32', '2001:db8:5::/64')).toBe(true);
  expect(overlap6('2001:db8:4::/64', '2001:db8:5::/64')).toBe(false);
});
