import type { AttachmentSpec } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dnsmasqConfig, onlyAdds } from './dnsmasq-config.ts';
import { uplinks } from './forwarding.ts';
import { isCurrent, ruleset } from './rules.ts';
import { judgeLeases, leftOut } from './usable-leases.ts';
import { aliasOf, checkInterface, macOf, natNetwork, networkOfAlias } from './wanted.ts';

const CLUSTER = '11111111-1111-4111-8111-111111111111';
const NETWORK = '22222222-2222-4222-8222-222222222222';
const spec = {
  network: NETWORK,
  node: '44444444-4444-4444-8444-444444444444',
  desired: 'present',
  mode: 'nat',
  bridge: 'gbr0',
  subnet: { cidr: '10.77.0.0/24' },
  dhcp: true,
} as AttachmentSpec;
const lease = { mac: '52:54:00:00:00:05', ipv4: '10.77.0.5', hostname: 'hello' };
type Lease = typeof lease;
/** Why this one is left out. */
const faultOf = (change: Partial<Lease>) =>
  judgeLeases(natNetwork(CLUSTER, spec), [{ ...lease, ...change }]).bad.map(({ why }) => why);
const hostile = fc.oneof(
  fc.string(),
  fc.constantFrom('"; flush ruleset; #', 'a b', 'x\ny', '../up', '-j', '', 'eth0\0', '$(id)', 'a,b'),
);

describe('natNetwork', () => {
  it('works out what is not said', () => {
    expect(natNetwork(CLUSTER, spec)).toMatchObject({
      gateway: '10.77.0.1',
      mtu: 1500,
      dns: [],
      table: `gantry-${NETWORK}`,
      alias: `gantry ${CLUSTER} ${NETWORK}`,
    });
  });

  it.each([
    ['bridge', { bridge: 'a/b' }, 'is not a Linux interface name'],
    ['bridge', { bridge: 'averyveryverylong' }, 'is not a Linux interface name'],
    ['network', { network: '../..' }, 'is not a UUID'],
    ['subnet', { subnet: { cidr: '10.0.0.0/32' } }, 'is not an IPv4 subnet'],
    ['no subnet', { subnet: undefined }, 'given a subnet'],
    ['gateway', { subnet: { cidr: '10.77.0.0/24', gateway: '10.77.0.255' } }, 'no host address'],
    ['dns', { subnet: { cidr: '10.77.0.0/24', dns: ['8.8.8.8\nuser=root'] } }, 'is not an IPv4 address'],
    ['mtu', { mtu: 1e9 }, 'is not 576 to 9216'],
  ])('refuses a bad %s', (_what, change, message) => {
    expect(() => natNetwork(CLUSTER, { ...spec, ...change } as unknown as AttachmentSpec)).toThrow(message);
  });

  it('lets no hostile name through, whatever it is', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        fc.pre(!/^[a-z][a-z0-9._-]{0,14}$/.test(name));
        expect(() => checkInterface(name)).toThrow('interface name');
        expect(faultOf({ mac: name })).toEqual([expect.stringContaining('MAC')]);
        expect(faultOf({ ipv4: name })).toEqual([expect.stringContaining('address')]);
      }),
    );
    const bad = ['a,b', 'a\nb', 'a b', '-a', 'A', '', 'a..b', 'x'.repeat(64), '#'];
    for (const hostname of bad) expect(faultOf({ hostname })).toEqual([expect.stringContaining('host name')]);
  });

  it('refuses leases outside of the subnet, and the gateway', () => {
    for (const ipv4 of ['10.77.1.5', '10.77.0.0', '10.77.0.255', '10.77.0.1'])
      expect(faultOf({ ipv4 })).toEqual([expect.stringContaining('is not usable')]);
    expect(faultOf({})).toEqual([]);
  });

  it('serves all the others beside a bad lease, and says which was left out', () => {
    const others = [lease, { ...lease, mac: '52:54:00:00:00:06', ipv4: '10.77.0.6' }];
    const bad = { ...lease, mac: '52:54:00:00:00:07', ipv4: '10.9.9.9' };
    expect(judgeLeases(natNetwork(CLUSTER, spec), [bad, ...others]).usable).toEqual(others);
    expect(leftOut(CLUSTER, spec, others)).toBeUndefined();
    expect(leftOut(CLUSTER, spec, [bad, ...others, bad])).toMatchObject({
      code: 'lease_left_out',
      title: expect.stringMatching(/52:54:00:00:00:07.*and 1 more.*10[.]9[.]9[.]9 is not usable/),
    });
  });
});

describe('marks of ours', () => {
  it('gives each network its own unicast, locally administered MAC', () => {
    expect(macOf(CLUSTER, NETWORK)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(macOf(CLUSTER, NETWORK)).not.toBe(macOf(NETWORK, CLUSTER));
  });

  it('reads only its own aliases', () => {
    expect(networkOfAlias(CLUSTER, aliasOf(CLUSTER, NETWORK))).toBe(NETWORK);
    for (const alias of [undefined, '', 'gantry', aliasOf(NETWORK, NETWORK), `gantry ${CLUSTER} ../x`])
      expect(networkOfAlias(CLUSTER, alias)).toBeUndefined();
  });
});

describe('ruleset', () => {
  it('is one transaction on one table', () => {
    expect(ruleset(natNetwork(CLUSTER, spec))).toMatchInlineSnapshot(`
      "add table inet gantry-22222222-2222-4222-8222-222222222222
      delete table inet gantry-22222222-2222-4222-8222-222222222222
      table inet gantry-22222222-2222-4222-8222-222222222222 {
      	chain forward {
      		type filter hook forward priority filter; policy accept;
      		iifname "gbr0" oifname "gbr0" accept comment "gantry efe525aee2bad01d"
      		iifname "gbr0" ip saddr 10.77.0.0/24 accept
      		iifname "gbr0" reject with icmpx type admin-prohibited
      		oifname "gbr0" ct state established,related accept
      		oifname "gbr0" reject with icmpx type admin-prohibited
      	}
      	chain postrouting {
      		type nat hook postrouting priority srcnat; policy accept;
      		ip saddr 10.77.0.0/24 ip daddr != 10.77.0.0/24 oifname != "gbr0" masquerade
      	}
      }
      "
    `);
  });

  it('is recognised by digest and number of rules', () => {
    const wanted = natNetwork(CLUSTER, spec);
    const digest = /comment "([^"]+)"/.exec(ruleset(wanted))?.[1];
    const listing = (comment: string | undefined, rules: number) =>
      JSON.stringify({
        nftables: [{ metainfo: {} }, { rule: { comment } }, ...Array<object>(rules - 1).fill({ rule: {} })],
      });
    expect(isCurrent(wanted, listing(digest, 6))).toBe(true);
    expect(isCurrent(wanted, listing(digest, 5))).toBe(false);
    expect(isCurrent(wanted, listing('gantry 0', 6))).toBe(false);
    expect(isCurrent({ ...wanted, bridge: 'gbr1' }, listing(digest, 6))).toBe(false);
  });
});

describe('dnsmasq', () => {
  it('is told to answer DHCP alone, on the bridge alone', () => {
    const wanted = natNetwork(CLUSTER, {
      ...spec,
      mtu: 1400,
      subnet: { cidr: '10.77.0.0/24', dns: ['192.0.2.1', '192.0.2.2'] },
    });
    expect(dnsmasqConfig(wanted)).toMatchInlineSnapshot(`
      "# Written by gantry; changes are lost.
      user=nobody
      interface=gbr0
      except-interface=lo
      bind-dynamic
      port=0
      no-hosts
      no-resolv
      no-ping
      leasefile-ro
      quiet-dhcp
      dhcp-authoritative
      dhcp-ignore=tag:!known
      dhcp-ignore-clid
      dhcp-lease-max=65536
      dhcp-range=10.77.0.0,static,255.255.255.0,12h
      dhcp-option=option:router,10.77.0.1
      dhcp-option=option:dns-server,192.0.2.1,192.0.2.2
      dhcp-option=option:mtu,1400
      "
    `);
  });

  it('need not forget anything when leases are only added', () => {
    expect(onlyAdds('', 'a\n')).toBe(true);
    expect(onlyAdds('a\n', 'a\nb\n')).toBe(true);
    expect(onlyAdds('b\n', 'a\nb\n')).toBe(true);
    expect(onlyAdds('a\nb\n', 'a\n')).toBe(false);
    expect(onlyAdds('a\n', 'c\n')).toBe(false);
  });
});

describe('uplinks', () => {
  it('are the interfaces with a default route', () => {
    const routes = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth0\t00000000\t020200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0',
      '',
    ].join('\n');
    expect(uplinks(routes)).toEqual(['eth0']);
    expect(uplinks('')).toEqual([]);
  });
});
