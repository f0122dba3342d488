import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIpv4, parseNet } from './ipv4.ts';

describe('isIpv4', () => {
  it.each(['0.0.0.0', '10.1.2.3', '255.255.255.255'])('takes %s', (text) => expect(isIpv4(text)).toBe(true));
  it.each([
    '',
    '1.2.3',
    '1.2.3.4.',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4\n',
    ' 1.2.3.4',
    '::1',
    '1.2.3.-4',
  ])('refuses %j', (text) => expect(isIpv4(text)).toBe(false));
});

describe('parseNet', () => {
  it('clears host bits and knows its mask', () => {
    expect(parseNet('10.77.3.9/22')).toMatchObject({
      network: '10.77.0.0',
      prefix: 22,
      netmask: '255.255.252.0',
      cidr: '10.77.0.0/22',
    });
    expect(parseNet('128.0.0.0/1')).toMatchObject({ netmask: '128.0.0.0', cidr: '128.0.0.0/1' });
  });

  it('knows which addresses a host may have', () => {
    const net = parseNet('10.77.0.0/30');
    const hosts = ['10.76.255.255', '10.77.0.0', '10.77.0.1', '10.77.0.2', '10.77.0.3', '10.77.0.4', 'x'];
    expect(hosts.filter(net.usable)).toEqual(['10.77.0.1', '10.77.0.2']);
    expect(hosts.filter(net.contains)).toEqual(hosts.slice(1, 5));
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/31',
    '10.0.0.0/0',
    '10.0.0.0/',
    '10.0.0/8',
    '/8',
    '10.0.0.0/8; reboot',
    '::/64',
  ])('refuses %j', (cidr) => expect(() => parseNet(cidr)).toThrow('is not an IPv4 subnet'));

  it('contains the addresses that it numbers', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 30 }), fc.nat(), (address, prefix, n) => {
        const net = parseNet(`${address}/${prefix}`);
        expect(net.contains(address)).toBe(true);
        expect(net.contains(net.at(n % 2 ** (32 - prefix)))).toBe(true);
        expect(parseNet(net.cidr).cidr).toBe(net.cidr);
      }),
    );
  });
});
