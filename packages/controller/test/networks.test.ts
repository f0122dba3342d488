/** Networks on uplinks and on bridges of the operator's: on the nodes of their groups, apart from each other, and a reason where a node has none. */
import type { Attachment, Instance, Network, Node } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createGroup', { body: { name: 'rack1' } });
});
afterEach(() => cluster.close());

const of = (ref: string) => ({ params: { ref } });
const spec = { mode: 'uplink', uplink: 'bond0', vlan: 100, bridge: 'br100', mtu: 9000 };
const create = (more: object = {}, name = 'net100') =>
  cluster.call<Network>('createNetwork', { body: { name, spec: { ...spec, ...more } } });
const set = (body: object) => cluster.call<Network>('setNetwork', { ...of('net100'), body });
const move = (group: string) => cluster.call<Node>('setNode', { ...of('n1'), body: { group } });
const onNodes = async () =>
  (await cluster.call<{ items: Attachment[] }>('listNetworkNodes', of('net100'))).items;
const instance = (name: string, nics: object[] = [{ network: 'net100' }]) =>
  cluster.call('createInstance', { body: { name, flavor: 'tiny', image: 'debian/12', nics } });

describe('behind NAT', () => {
  const nat = (cidr: string, mode = 'nat') =>
    cluster.call('createNetwork', {
      body: { name: 'inner', spec: { mode, bridge: 'brx', subnet: { cidr } } },
    });

  test('no subnet takes a node, or the controller, out of reach', async () => {
    await cluster.converge();
    cluster.controller.app.remote = {
      ...cluster.controller.app.remote,
      url: 'https://198.51.100.9:7460',
    } as never;
    for (const [cidr, who] of [
      ['192.0.2.0/24', 'node n1 (192.0.2.1)'],
      ['192.0.0.0/16', 'node n1 (192.0.2.1)'],
      ['192.0.2.0/30', 'node n1 (192.0.2.1)'],
      ['198.51.100.8/29', 'the controller (198.51.100.9)'],
    ] as const)
      await expect(nat(cidr)).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining(`is not apart from ${who}`) as string,
      });
    await nat('192.0.2.128/25');
  });

  test('elsewhere it may be theirs: no node has an address in it', async () => {
    await cluster.converge();
    await nat('192.0.2.0/24', 'bridge');
  });
});

describe('a network on an uplink', () => {
  test('comes to the nodes of its groups by itself, with all that the agent needs, and follows them', async () => {
    await create({ groups: ['rack1'] });
    await cluster.converge();
    expect(await onNodes()).toEqual([]);
    await move('rack1');
    await cluster.converge();
    expect(await onNodes()).toMatchObject([
      { spec: { ...spec, desired: 'present', dhcp: false }, status: { state: 'ready' } },
    ]);
    await set({ vlan: 101, mtu: null });
    await cluster.converge();
    const [changed] = await onNodes();
    expect(changed).toMatchObject({ spec: { vlan: 101 }, status: { state: 'ready' } });
    expect(changed?.spec).not.toHaveProperty('mtu');
    expect(changed?.observedGeneration).toBe(changed?.generation);
    await move('default');
    await cluster.converge();
    expect(await onNodes()).toEqual([]);
    await set({ groups: [] });
    await cluster.converge();
    expect(await onNodes()).toMatchObject([{ spec: { desired: 'present' } }]);
    await cluster.call('deleteNetwork', of('net100'));
    await cluster.converge();
    expect((await cluster.store.list('attachment')).items).toEqual([]);
  });

  test('is no place for an instance where its group does not have it', async () => {
    await create({ groups: ['rack1'] });
    await expect(instance('lost')).rejects.toMatchObject({
      code: 'no_capacity',
      message: expect.stringContaining('network net100 is not connected to group default') as string,
    });
    await move('rack1');
    await instance('hello');
    await expect(set({ groups: ['default'] })).rejects.toMatchObject({
      code: 'in_use',
      params: { users: 'hello' },
    });
    await expect(cluster.call('deleteGroup', of('rack1'))).rejects.toMatchObject({ code: 'in_use' });
  });

  test.each([
    ['on an uplink', {}],
    ['on a bridge of the operator’s', { mode: 'bridge', uplink: undefined, vlan: undefined }],
  ])('%s that a node has not says why there, and keeps instances away from it', async (_, mode) => {
    const title = 'this machine cannot run it: there is no interface bond0 on the node';
    cluster.agent.alter = (status) =>
      status.kind === 'attachment'
        ? {
            ...status,
            status: { state: 'failed', error: { type: 't', code: 'host_unfit', status: 500, title } },
          }
        : status;
    await create(mode);
    await cluster.converge();
    expect(await onNodes()).toMatchObject([{ status: { state: 'failed', error: { title } } }]);
    await expect(instance('lost')).rejects.toMatchObject({
      code: 'no_capacity',
      message: expect.stringContaining('there is no interface bond0 on the node') as string,
    });
    cluster.agent.alter = (status) => status;
    await cluster.converge();
    await instance('hello');
  });

  test('reaches an instance that is made before its task has run', async () => {
    await create();
    await instance('hello');
    await cluster.converge();
    expect(await onNodes()).toHaveLength(1);
  });
});

describe('reserved addresses', () => {
  const reserved = async (body: object) => {
    const { spec } = await set(body);
    return [spec.subnet?.reserved, spec.subnet6?.reserved];
  };
  const subnet6 = { cidr: '2001:db8::/64', reserved: ['2001:db8::7'] };
  beforeEach(() => create({ subnet: { cidr: '10.1.0.0/24', reserved: ['10.1.0.7'] }, subnet6 }));

  test('come and go one by one, of both families, whoever else adds some', async () => {
    expect(await reserved({ reserve: ['10.1.0.8', '2001:db8:0::8', '10.1.0.7'] })).toEqual([
      ['10.1.0.7', '10.1.0.8'],
      ['2001:db8::7', '2001:db8::8'],
    ]);
    await Promise.all([set({ reserve: ['10.1.0.9'] }), set({ reserve: ['10.1.0.10'] })]);
    expect(await reserved({ release: ['10.1.0.7', '2001:db8::7', '2001:db8::8'] })).toEqual([
      expect.toSatisfy((list: string[]) => list.toSorted().join() === '10.1.0.10,10.1.0.8,10.1.0.9'),
      undefined,
    ]);
    expect(await reserved({ subnet: { reserved: null } })).toEqual([undefined, undefined]);
  });
  test('are not handed out, and who has one keeps it', async () => {
    await set({ subnet: { poolStart: '10.1.0.7', poolEnd: '10.1.0.9' } });
    await instance('first');
    await set({ reserve: ['10.1.0.8'] });
    await instance('second');
    await expect(instance('next')).rejects.toMatchObject({ code: 'pool_exhausted' });
    await set({ release: ['10.1.0.7'] });
    await instance('next');
    const { items } = await cluster.store.list('instance');
    expect(items.map(({ spec }) => spec.nics[0]?.ipv4)).toContain('10.1.0.7');
  });
  test.each<[string, object, string]>([
    ['one to release that is not', { release: ['10.1.0.8'] }, 'invalid_argument'],
    ['one outside', { reserve: ['10.2.0.8'] }, 'invalid_argument'],
    ['one outside, IPv6', { reserve: ['2001:db9::8'] }, 'invalid_argument'],
    ['both at once', { reserve: ['10.1.0.7'], release: ['10.1.0.7'] }, 'invalid_argument'],
    ['no address', { reserve: ['10.1.0.300'] }, 'invalid_body'],
  ])('refused: %s', async (_, body, code) => {
    await expect(set(body)).rejects.toMatchObject({ code });
    expect(await reserved({ mtu: 1500 })).toEqual([['10.1.0.7'], ['2001:db8::7']]);
  });
});

describe('refused, and nothing is made:', () => {
  const subnet = { cidr: '10.1.0.0/24' };
  const subnet6 = { cidr: '2001:db8::/64' };
  test.each<[string, object, string]>([
    ['a VLAN id of 5000', { vlan: 5000 }, 'invalid_body'],
    ['a VLAN id of 0', { vlan: 0 }, 'invalid_body'],
    ['an uplink name that is none', { uplink: 'a/b' }, 'invalid_body'],
    ['no uplink', { uplink: undefined }, 'invalid_argument'],
    ['the uplink as bridge', { bridge: 'bond0' }, 'invalid_argument'],
    ['a VLAN with NAT', { mode: 'nat', uplink: undefined, subnet }, 'invalid_argument'],
    ['an uplink for a bridge of the host', { mode: 'bridge' }, 'invalid_argument'],
    ['DHCP', { dhcp: true }, 'not_supported'],
    ['a group that is not there', { groups: ['nowhere'] }, 'not_found'],
    ['the bridge of another', { bridge: 'gy0' }, 'invalid_argument'],
    ['a subnet that overlaps', { subnet: { cidr: '10.9.8.128/25' } }, 'invalid_argument'],
    [
      'IPv6 behind NAT',
      { mode: 'nat', uplink: undefined, vlan: undefined, subnet, subnet6 },
      'not_supported',
    ],
    ['an IPv6 subnet with host bits', { subnet6: { cidr: '2001:db8::1/64' } }, 'invalid_argument'],
    ['an IPv6 subnet that is none', { subnet6: { cidr: '2001:db8::/129' } }, 'invalid_body'],
    ['an IPv6 pool outside', { subnet6: { ...subnet6, poolEnd: '2001:db9::1' } }, 'invalid_argument'],
    ['a pool outside', { subnet: { ...subnet, poolStart: '10.2.0.1' } }, 'invalid_argument'],
  ])('%s', async (_what, more, code) => {
    const before = await cluster.store.revision();
    await expect(create(more)).rejects.toMatchObject({ code });
    expect(await cluster.store.revision()).toBe(before);
  });

  test('the same VLAN twice on nodes of one group; on others it is another segment', async () => {
    await create({ groups: ['rack1'] });
    await expect(create()).rejects.toMatchObject({ code: 'name_taken' });
    await expect(create({ bridge: 'br2' }, 'net2')).rejects.toMatchObject({ code: 'invalid_argument' });
    await create({ bridge: 'br2', groups: ['default'] }, 'net2');
    await expect(set({ groups: [] })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('settings that cannot hold', async () => {
    await create({ subnet });
    for (const [body, code] of [
      [{ vlan: 4095 }, 'invalid_body'],
      [{ bridge: 'br7' }, 'unknown_field'],
      [{ groups: ['nowhere'] }, 'not_found'],
      [{ subnet: { poolStart: '10.1.0.9', poolEnd: '10.1.0.8' } }, 'invalid_argument'],
    ] as const)
      await expect(set(body)).rejects.toMatchObject({ code });
    await set({ subnet: { poolStart: '10.1.0.9', poolEnd: '10.1.0.9' } });
    await instance('hello');
    await expect(instance('late')).rejects.toMatchObject({ code: 'pool_exhausted' });
    await expect(instance('far', [{ network: 'net100', address: '10.2.0.1' }])).rejects.toMatchObject({
      code: 'address_outside',
    });
  });
});

describe('IPv6', () => {
  const subnet6 = {
    cidr: '2001:db8::/64',
    gateway: 'fe80::1',
    dns: ['2001:db8::53'],
    poolEnd: '2001:db8::2',
  };
  const nicOf = async (name: string) => (await cluster.instance(name)).spec.nics[0];
  const guestNic = async (name: string) => {
    const { id } = await cluster.call<Instance>('getInstance', of(name));
    const { items } = await cluster.store.list('guest');
    return items.find(({ spec }) => spec.instance === id)?.spec.input.nics[0];
  };

  test('is granted beside IPv4, told to the guest, unique, and free again', async () => {
    await create({ subnet: { cidr: '10.1.0.0/24' }, subnet6 });
    await instance('one');
    expect(await nicOf('one')).toMatchObject({
      ipv4: '10.1.0.1',
      prefix: 24,
      ipv6: '2001:db8::1',
      prefix6: 64,
    });
    expect(await guestNic('one')).toMatchObject({
      ...{ ipv6: '2001:db8::1', prefix6: 64, gateway6: 'fe80::1', dns6: ['2001:db8::53'] },
      filter: 'bound',
    });
    const taken = [{ network: 'net100', address6: '2001:db8:0:0:0:0:0:1' }];
    await expect(instance('two', taken)).rejects.toMatchObject({
      code: 'address_taken',
      params: { address: '2001:db8::1', owner: 'one' },
    });
    await instance('two');
    await expect(instance('three')).rejects.toMatchObject({ code: 'pool_exhausted' });
    await instance('three', [{ network: 'net100', address6: 'none' }]);
    expect(await nicOf('three')).not.toHaveProperty('ipv6');
    await cluster.converge();
    await cluster.call('deleteInstance', of('one'));
    await cluster.converge();
    await instance('four');
    expect(await nicOf('four')).toMatchObject({ ipv6: '2001:db8::1' });
  });

  test('alone binds the guest to it', async () => {
    await create({ subnet6 });
    await instance('one');
    expect(await guestNic('one')).toMatchObject({ ipv6: '2001:db8::1', filter: 'bound' });
    expect(await guestNic('one')).not.toHaveProperty('ipv4');
    await expect(instance('far', [{ network: 'net100', address6: '2001:db9::1' }])).rejects.toMatchObject({
      code: 'address_outside',
    });
    await set({ subnet6: { poolEnd: null, gateway: '2001:db8::9' } });
    expect((await cluster.call<Network>('getNetwork', of('net100'))).spec.subnet6).toEqual({
      ...{ cidr: '2001:db8::/64', gateway: '2001:db8::9', dns: ['2001:db8::53'] },
    });
  });
});
