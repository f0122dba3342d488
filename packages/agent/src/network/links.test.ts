import type { AttachmentSpec } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { bridgeFaults, isOurs } from './bridge.ts';
import { type Link, links, parseLinks, parseVlans, portsOf } from './links.ts';
import { natNetwork } from './wanted.ts';

/** As iproute2 6.1 tells it, shortened. */
const told = JSON.stringify([
  {
    ifname: 'lo',
    flags: ['LOOPBACK', 'UP', 'LOWER_UP'],
    mtu: 65536,
    address: '00:00:00:00:00:00',
    addr_info: [],
  },
  {
    ifname: 'gbr0',
    flags: ['BROADCAST', 'UP'],
    mtu: 1400,
    address: '02:aa:bb:cc:dd:01',
    linkinfo: { info_kind: 'bridge' },
    ifalias: 'gantry x y',
    addr_info: [
      { family: 'inet', local: '10.9.0.1', prefixlen: 24 },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64 },
    ],
  },
  {},
  {
    ifname: 'vnet0',
    flags: ['LOWER_UP'],
    mtu: 1400,
    master: 'gbr0',
    linkinfo: { info_kind: 'tun' },
    addr_info: [],
  },
]);

describe('parseLinks', () => {
  it('reads what matters and skips what it does not know', () => {
    const links = parseLinks(told);
    expect([...links.keys()]).toEqual(['lo', 'gbr0', 'vnet0']);
    expect(links.get('gbr0')).toEqual({
      name: 'gbr0',
      up: true,
      carrier: false,
      mtu: 1400,
      mac: '02:aa:bb:cc:dd:01',
      kind: 'bridge',
      alias: 'gantry x y',
      ipv4: ['10.9.0.1/24'],
    });
    expect(portsOf(links, 'gbr0')).toEqual(['vnet0']);
    expect(parseLinks('').size).toBe(0);
  });
});

describe('VLANs of VLAN-aware bridges', () => {
  /** As iproute2 6.1 tells it. */
  const vlans = JSON.stringify([
    { ifname: 'br0', vlans: [{ vlan: 1, flags: ['PVID', 'Egress Untagged'] }] },
    { ifname: 'bond0', vlans: [{ vlan: 2, vlanEnd: 4094 }] },
    { ifname: 'gone', vlans: [{ vlan: 7 }] },
    { ifname: 'vnet0' },
    {},
  ]);
  const bridge = (vlan_filtering: number) =>
    JSON.stringify([
      { ifname: 'br0', linkinfo: { info_kind: 'bridge', info_data: { vlan_filtering } } },
      { ifname: 'bond0', master: 'br0' },
    ]);
  const told = (asked: string[][], filtering: number) => (argv: readonly string[]) => {
    asked.push([...argv]);
    const stdout = argv[0] === 'ip' ? bridge(filtering) : vlans;
    return Promise.resolve({ code: 0, stdout, stderr: '' } as never);
  };

  it('are asked for where there is one', async () => {
    const asked: string[][] = [];
    const all = await links(told(asked, 1));
    expect(all.get('br0')).toMatchObject({
      vlanAware: true,
      vlans: [{ first: 1, last: 1, untagged: true }],
    });
    expect(all.get('bond0')?.vlans).toEqual([{ first: 2, last: 4094, untagged: false }]);
    expect([...all.keys()]).toEqual(['br0', 'bond0']);
    expect(asked.length).toBe(2);
  });

  it('are not where there is none', async () => {
    const asked: string[][] = [];
    expect((await links(told(asked, 0))).get('br0')?.vlanAware).toBeUndefined();
    expect(asked.length).toBe(1);
    expect(parseVlans('').size).toBe(0);
  });
});

describe('bridgeFaults', () => {
  const wanted = natNetwork('11111111-1111-4111-8111-111111111111', {
    network: '22222222-2222-4222-8222-222222222222',
    mode: 'nat',
    bridge: 'gbr0',
    subnet: { cidr: '10.9.0.0/24' },
    dhcp: true,
  } as AttachmentSpec);
  const good: Link = {
    name: 'gbr0',
    up: true,
    carrier: false,
    mtu: 1500,
    mac: wanted.mac,
    kind: 'bridge',
    alias: wanted.alias,
    ipv4: ['10.9.0.1/24'],
  };
  const { alias: _alias, ...unnamed } = good;

  it.each<[string, Link | undefined, string[]]>([
    ['all as wanted', good, []],
    ['missing', undefined, ['bridge gbr0 is missing']],
    ['half made', { ...unnamed, ipv4: [] }, ['it is not named yet', 'address is missing, not 10.9.0.1/24']],
    ['of another', { ...good, alias: 'lan' }, ['gbr0 exists and is not ours (bridge, alias "lan")']],
    ['nobody’s', { ...unnamed, mac: '02:00:00:00:00:00' }, ['gbr0 exists and is not ours (bridge)']],
    ['no bridge', { ...good, kind: 'veth' }, [expect.stringContaining('not ours (veth') as string]],
    ['down', { ...good, up: false }, ['it is down']],
    [
      'with one address too many',
      { ...good, ipv4: ['10.9.0.1/24', '10.9.0.2/24'] },
      [expect.any(String) as string],
    ],
    ['with another mtu', { ...good, mtu: 9000 }, ['mtu is 9000, not 1500']],
  ])('of one that is %s', (_what, link, faults) => {
    expect(bridgeFaults(link, wanted)).toEqual(faults);
  });

  it('takes no bridge over for its MAC alone', () => {
    expect(isOurs({ ...good, alias: 'lan' }, wanted)).toBe(false);
    expect(isOurs(unnamed, wanted)).toBe(true);
  });
});
