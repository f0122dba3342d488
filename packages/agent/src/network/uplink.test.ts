/** Networks on an uplink, against a recorded `ip`: a kernel of a few interfaces that does what it is told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttachmentSpec } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeKernel } from '../testing/fake-kernel.ts';
import type { Link, VlanRange } from './links.ts';
import { type NodeNetwork, nodeNetwork } from './network.ts';
import { obstacleOf, uplinkNetwork } from './uplink.ts';

const CLUSTER = '11111111-1111-4111-8111-111111111111';
const NETWORK = '22222222-2222-4222-8222-222222222222';
const vlan100 = {
  network: NETWORK,
  node: '44444444-4444-4444-8444-444444444444',
  desired: 'present',
  mode: 'uplink',
  bridge: 'br100',
  uplink: 'bond0',
  vlan: 100,
  mtu: 9000,
  dhcp: false,
} as AttachmentSpec;
const { vlan: _vlan, ...plain } = vlan100;

const hardware = (name: string, more: Partial<Link> = {}): Link => ({
  name,
  up: true,
  carrier: true,
  mtu: 9000,
  mac: '52:54:00:00:00:01',
  ipv4: [],
  ...more,
});
const mine = uplinkNetwork(CLUSTER, vlan100);

/** A VLAN-aware bridge, and the port of it that takes all VLANs but 1. */
const trunk = (port?: string, vlans: VlanRange[] = [{ first: 1, last: 1, untagged: true }]): Link[] => [
  hardware('bond0', { kind: 'bridge', vlanAware: true, vlans }),
  hardware('eth1', {
    master: 'bond0',
    vlans: port === 'eth1' ? [{ first: 2, last: 4094, untagged: false }] : [],
  }),
];

describe('obstacles', () => {
  const bond0 = hardware('bond0');
  it.each<[string, AttachmentSpec, Link[], string | undefined]>([
    ['none', vlan100, [hardware('bond0', { ipv4: ['192.0.2.2/24'] })], undefined],
    ['no such uplink', vlan100, [], 'there is no interface bond0'],
    ['loopback', { ...plain, uplink: 'lo' } as AttachmentSpec, [hardware('lo')], 'there is no interface lo'],
    ['small frames', vlan100, [hardware('bond0', { mtu: 1500 })], 'bond0 has mtu 1500, the network 9000'],
    ['another’s bridge', vlan100, [bond0, hardware('br100', { kind: 'bridge' })], 'not ours (bridge)'],
    [
      'the VLAN is taken',
      vlan100,
      [bond0, hardware('storage', { kind: 'vlan', parent: 'bond0', vlan: 100 })],
      'storage is VLAN 100 of bond0, and is not ours',
    ],
    ['its name is taken', vlan100, [bond0, hardware('bond0.100', { kind: 'dummy' })], 'not ours (dummy)'],
    [
      'it has an address',
      plain,
      [hardware('bond0', { ipv4: ['192.0.2.2/24'] })],
      'which the node would lose',
    ],
    ['it has an IPv6 address', plain, [hardware('bond0', { ipv6: ['2001:db8::2/64'] })], '2001:db8::2/64'],
    ['it is a port', plain, [hardware('bond0', { master: 'br0' })], 'bond0 is a port of br0'],
    ['it is a bridge', plain, [hardware('bond0', { kind: 'bridge' })], 'bond0 is a bridge'],
    ['none on a VLAN-aware bridge', vlan100, trunk('eth1'), undefined],
    ['nor before any of its ports takes it', vlan100, trunk(), 'no port of bond0 takes VLAN 100'],
    [
      'the VLAN is the bridge’s own',
      vlan100,
      trunk('eth1', [{ first: 100, last: 100, untagged: true }]),
      'VLAN 100 is the one that bond0 itself has untagged',
    ],
  ])('%s', (_what, spec, links, why) => {
    const obstacle = obstacleOf(
      uplinkNetwork(CLUSTER, spec),
      new Map(links.map((link) => [link.name, link])),
    );
    if (why === undefined) expect(obstacle).toBeUndefined();
    else expect(obstacle?.why).toContain(why);
  });

  it.each([0, 4095, 5000, 1.5])('refuses VLAN %s', (vlan) => {
    expect(() => uplinkNetwork(CLUSTER, { ...vlan100, vlan })).toThrow('1 to 4094');
  });

  it('finds a name for the VLAN device that Linux takes', () => {
    expect(mine.port).toBe('bond0.100');
    const long = uplinkNetwork(CLUSTER, { ...vlan100, uplink: 'enp129s0f1np1' });
    expect(long.port).toBe('vl100-22222222');
  });
});

describe('on a node', () => {
  let dir: string;
  let answers: boolean;
  let atMs: number;
  let kernel: ReturnType<typeof fakeKernel>;
  let network: NodeNetwork;

  const start = (dieBefore?: number): NodeNetwork =>
    nodeNetwork({
      dir,
      cluster: () => CLUSTER,
      clock: {
        now: () => atMs,
        bootMs: () => atMs,
        sleep: (ms) => {
          atMs += ms;
          return Promise.resolve();
        },
      },
      reaches: () => Promise.resolve(answers && kernel.reachable()),
      run: kernel.run(dieBefore),
    });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gantry-uplink-'));
    [answers, atMs] = [true, 1_000_000];
    kernel = fakeKernel([hardware('bond0', { ipv4: ['192.0.2.2/24'] }), hardware('eth1')]);
    network = start();
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('makes VLAN device and bridge, once, and takes both away again', async () => {
    await network.ensure(vlan100, []);
    expect(kernel.links.get('bond0.100')).toMatchObject({
      ...{ kind: 'vlan', parent: 'bond0', vlan: 100, up: true, mtu: 9000, master: 'br100' },
      alias: `gantry ${CLUSTER} ${NETWORK}`,
    });
    expect(kernel.links.get('br100')).toMatchObject({ kind: 'bridge', up: true, mtu: 9000 });
    expect(kernel.links.get('bond0')).toEqual(hardware('bond0', { ipv4: ['192.0.2.2/24'] }));
    expect(await network.observe()).toMatchObject([{ network: NETWORK, ready: true, spec: vlan100 }]);
    const done = kernel.changes();
    await network.ensure(vlan100, []);
    expect(kernel.changes()).toBe(done);
    await network.remove(vlan100);
    expect([...kernel.links.keys()]).toEqual(['bond0', 'eth1']);
    expect(await network.observe()).toEqual([]);
  });

  it('goes over to another VLAN and back to the uplink itself, guests staying plugged in', async () => {
    await network.ensure(vlan100, []);
    kernel.links.set('vnet0', hardware('vnet0', { kind: 'tun', master: 'br100' }));
    await network.ensure({ ...vlan100, vlan: 101 }, []);
    expect([...kernel.links.keys()].toSorted()).toEqual(['bond0', 'bond0.101', 'br100', 'eth1', 'vnet0']);
    await network.ensure({ ...plain, uplink: 'eth1' } as AttachmentSpec, []);
    expect(kernel.links.get('eth1')?.master).toBe('br100');
    expect(kernel.links.get('vnet0')?.master).toBe('br100');
    await expect(network.remove(plain)).rejects.toMatchObject({ code: 'in_use' });
    expect(kernel.links.get('eth1')?.master).toBe('br100');
    kernel.links.delete('vnet0');
    await network.remove(plain);
    expect(kernel.links.get('eth1')).toEqual(hardware('eth1'));
  });

  it('is heard on a VLAN-aware bridge, which is as before when it is gone', async () => {
    for (const link of trunk('eth1')) kernel.links.set(link.name, link);
    const before = structuredClone(kernel.links);
    await network.ensure(vlan100, []);
    const heard = { first: 100, last: 100, untagged: false };
    expect(kernel.links.get('bond0')?.vlans).toContainEqual(heard);
    const bond0 = kernel.links.get('bond0');
    if (bond0) bond0.vlans = bond0.vlans?.filter(({ first }) => first !== 100) ?? [];
    const why = 'VLAN 100 does not come to bond0 itself';
    expect(await network.observe()).toMatchObject([{ ready: false, why }]);
    await network.ensure(vlan100, []);
    expect(await network.observe()).toMatchObject([{ ready: true }]);
    for (const step of [1, 2, 3]) {
      await expect(start(step).remove(vlan100)).rejects.toThrow('killed');
      await start().remove(vlan100);
      expect(kernel.links).toEqual(before);
      network = start();
      await network.ensure(vlan100, []);
    }
    await network.ensure({ ...vlan100, vlan: 101 }, []);
    expect(kernel.links.get('bond0')?.vlans).not.toContainEqual(heard);
  });

  it('leaves what is not ours, and says whose it is', async () => {
    kernel.links.set('bond0.100', hardware('bond0.100', { kind: 'vlan', parent: 'bond0', vlan: 100 }));
    const before = structuredClone(kernel.links);
    await expect(network.ensure(vlan100, [])).rejects.toMatchObject({ code: 'host_unfit' });
    await network.remove(vlan100);
    expect(kernel.links).toEqual(before);
  });

  it('undoes what cuts the node off, and does not try it again', async () => {
    kernel.cutBy('bond0.100');
    await expect(network.ensure(vlan100, [])).rejects.toThrow('VLAN 100 of bond0 in br100');
    expect(kernel.links.has('bond0.100')).toBe(false);
    expect(kernel.reachable()).toBe(true);
    const done = kernel.changes();
    await expect(network.ensure(vlan100, [])).rejects.toThrow('the controller was not reached for 15 s');
    expect(kernel.changes()).toBe(done);
    await network.ensure({ ...vlan100, vlan: 101 }, []);
    expect(await network.observe()).toMatchObject([{ ready: true }]);
  });

  it('goes back to the wiring that was when a new one cuts the node off', async () => {
    await network.ensure({ ...vlan100, vlan: 99 }, []);
    kernel.cutBy('bond0.100');
    await expect(network.ensure(vlan100, [])).rejects.toThrow('was undone');
    expect(kernel.links.get('bond0.99')?.master).toBe('br100');
    expect(await network.observe()).toMatchObject([{ ready: true, spec: { vlan: 99 } }]);
  });

  it('waits with new wiring until the controller answers, and makes known wiring without it', async () => {
    answers = false;
    await expect(network.ensure(vlan100, [])).rejects.toThrow('the controller does not answer');
    expect(kernel.changes()).toBe(0);
    answers = true;
    await network.ensure(vlan100, []);
    answers = false;
    kernel.reboot();
    await start().ensure(vlan100, []);
    expect(kernel.links.get('bond0.100')?.master).toBe('br100');
  });

  it('is whole after a crash before any of its steps, and gone after its removal', async () => {
    await network.ensure(vlan100, []);
    const steps = kernel.changes();
    expect(steps).toBeGreaterThan(8);
    for (let step = 1; step <= steps; step++) {
      await network.remove(vlan100);
      await expect(start(step).ensure(vlan100, [])).rejects.toThrow('killed');
      network = start();
      await network.ensure(vlan100, []);
      expect(await network.observe()).toMatchObject([{ ready: true }]);
    }
    for (const step of [1, 2]) {
      await expect(start(step).remove(vlan100)).rejects.toThrow('killed');
      await start().remove(vlan100);
      expect([...kernel.links.keys()]).toEqual(['bond0', 'eth1']);
      network = start();
      await network.ensure(vlan100, []);
    }
  });

  it('a crash in a trial that cut the node off is undone by the next agent', async () => {
    kernel.cutBy('bond0.100');
    const steps = 8; // up to the VLAN device being up
    await expect(start(steps).ensure(vlan100, [])).rejects.toThrow('killed');
    expect(kernel.reachable()).toBe(false);
    await expect(start().ensure(vlan100, [])).rejects.toThrow('the controller does not answer');
    expect(kernel.reachable()).toBe(true);
  });
});
