/**
 * The agent's networks for real: bridge, NAT, DHCP and probing, in network namespaces made for each test. The agent's
 * part runs as a process of its own inside the namespace `node`; `world` is what lies behind its uplink, `guest` hangs
 * on the bridge as a guest's tap would.
 */
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../packages/agent/src/host/clock.ts';
import type { SeenNetwork } from '../../packages/agent/src/observation.ts';
import { cable, type Driver, driver, type Namespace, namespace, settledLinks } from '../lab/namespaces.ts';

const SCRIPT = fileURLToPath(new URL('../lab/network-driver.ts', import.meta.url));
const CLUSTER = '11111111-1111-4111-8111-111111111111';
const NETWORK = '22222222-2222-4222-8222-222222222222';
/** Alike at the beginning: names made from ids must still differ. */
const OTHER = '22222222-2222-4222-8222-333333333333';
const GUEST_MAC = '52:54:00:00:00:05';
const GUEST_IP = '10.77.0.5';
const spec = {
  network: NETWORK,
  node: '44444444-4444-4444-8444-444444444444',
  desired: 'present',
  mode: 'nat',
  bridge: 'gbr0',
  subnet: { cidr: '10.77.0.0/24', dns: ['192.0.2.53'] },
  dhcp: true,
};
const lease = { mac: GUEST_MAC, ipv4: GUEST_IP, hostname: 'hello.example' };

let dir: string;
let node: Namespace;
let world: Namespace;
let guest: Namespace;
let agent: Driver;
const drivers: Driver[] = [];

/** A driver; `dieBefore` n: killed before the n-th program that changes something. */
function startAgent(dieBefore = ''): Driver {
  const started = driver(node, SCRIPT, dir, CLUSTER, dieBefore);
  drivers.push(started);
  return started;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-network-'));
  await chmod(dir, 0o755);
  [node, world, guest] = await Promise.all([namespace('node'), namespace('world'), namespace('guest')]);
  await cable(node, 'up0', world, 'down0');
  await node.exec('ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'up0');
  await node.exec('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
  await world.exec('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'down0');
  agent = startAgent();
});
afterEach(async () => {
  const left = await dnsmasqs();
  await Promise.all(drivers.splice(0).map((d) => d.kill()));
  for (const pid of left) process.kill(pid, 'SIGKILL');
  await Promise.all([node, world, guest].map((n) => n.remove()));
  await rm(dir, { recursive: true, force: true });
});

const seen = async (): Promise<SeenNetwork[]> => agent.call('observe');
const plugGuest = async (): Promise<void> => {
  await cable(node, 'vnet0', guest, 'eth0');
  await guest.exec('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC);
  await node.exec('ip', 'link', 'set', 'vnet0', 'master', 'gbr0');
};

/** Asks for an address as a booting guest does, so many times within as many seconds; undefined: nobody answered. */
async function askDhcp(times = 60): Promise<Record<string, string> | undefined> {
  const script = join(dir, 'udhcpc.sh');
  await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n', { mode: 0o755 });
  const argv = ['busybox', 'udhcpc', '-f', '-n', '-q', '-i', 'eth0', '-s', script];
  const answer = await guest.exec(...argv, '-t', String(times), '-T', '1').catch(() => '');
  const pairs = answer.split('\n').map((line) => line.split('=') as [string, string]);
  const found = Object.fromEntries(pairs);
  return found['ip'] ? found : undefined;
}

/** Pids of the servers that belong to this test; one that becomes a daemon is two for a moment. */
async function dnsmasqs(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`dnsmasq\0--conf-file=${dir}/`);
    } catch {
      return false;
    }
  });
}
async function onlyDnsmasq(): Promise<number> {
  await expect.poll(dnsmasqs).toHaveLength(1);
  return (await dnsmasqs())[0] ?? 0;
}
const uid = (pid: number): number =>
  Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** All that a network may leave in the namespace. */
async function traces(): Promise<string> {
  const [links, tables] = await Promise.all([
    node.exec('ip', '-br', 'link'),
    node.exec('nft', 'list', 'tables'),
  ]);
  const names = links.split('\n').map((line) => line.split(/[ @]/)[0]);
  return `${names.join(' ')}|${tables}|${await dnsmasqs()}|${await readdir(dir)}`;
}

describe('a NAT network', () => {
  it('gives a guest its address, and a way out with the address of the node', async () => {
    await agent.call('ensure', spec, [lease]);
    expect(await seen()).toMatchObject([
      { network: NETWORK, bridge: 'gbr0', ready: true, leases: `${GUEST_MAC},${GUEST_IP},hello.example\n` },
    ]);
    await plugGuest();
    const answer = await askDhcp();
    expect(answer).toMatchObject({ ip: GUEST_IP, router: '10.77.0.1', dns: '192.0.2.53', mask: '24' });
    expect(answer?.['hostname']).toBe('hello');
    await guest.exec('ip', 'addr', 'add', `${GUEST_IP}/24`, 'dev', 'eth0');
    await guest.exec('ip', 'route', 'add', 'default', 'via', '10.77.0.1');
    // `world` has no route to the guest's subnet: only NAT brings the answer back.
    expect(await guest.exec('ping', '-c', '1', '-W', '60', '192.0.2.1')).toContain('1 received');
    expect(await node.exec('ping', '-c', '1', '-W', '60', GUEST_IP)).toContain('1 received');
    expect(uid(await onlyDnsmasq())).toBe(65534);
  });

  it('lets nothing in unasked, and no foreign source out', async () => {
    await agent.call('ensure', spec, [lease]);
    await plugGuest();
    await guest.exec('ip', 'addr', 'add', `${GUEST_IP}/24`, 'dev', 'eth0');
    await guest.exec('ip', 'addr', 'add', '203.0.113.9/32', 'dev', 'eth0');
    await guest.exec('ip', 'route', 'add', 'default', 'via', '10.77.0.1');
    await world.exec('ip', 'route', 'add', '10.77.0.0/24', 'via', '192.0.2.2');
    await expect(world.exec('ping', '-c', '1', '-W', '60', GUEST_IP)).rejects.toThrow('filtered');
    const spoofed = guest.exec('ping', '-c', '1', '-W', '1', '-I', '203.0.113.9', '192.0.2.1');
    await expect(spoofed).rejects.toThrow(/ 0 received/);
    expect(await guest.exec('ping', '-c', '1', '-W', '60', '192.0.2.1')).toContain('1 received');
  });

  it('answers no unknown MAC', async () => {
    await agent.call('ensure', spec, []);
    await plugGuest();
    expect(await askDhcp(3)).toBeUndefined();
    await agent.call('ensure', spec, [lease]);
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
  });

  it('adds a lease without restarting DHCP, and gives a freed address to another guest at once', async () => {
    await agent.call('ensure', spec, [{ ...lease, mac: '52:54:00:00:00:99' }]);
    await plugGuest();
    await guest.exec('ip', 'link', 'set', 'eth0', 'address', '52:54:00:00:00:99');
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
    const pid = await onlyDnsmasq();
    const second = { ...lease, mac: '52:54:00:00:00:07', ipv4: '10.77.0.7' };
    await agent.call('ensure', spec, [{ ...lease, mac: '52:54:00:00:00:99' }, second]);
    await expect.poll(dnsmasqs).toEqual([pid]);
    await agent.call('ensure', spec, [lease, second]);
    await guest.exec('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC);
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
    await onlyDnsmasq();
  });

  it.each(['10.77.0.9', 'ignore'])(
    'gives a guest called %s its own address, and nobody else’s',
    async (hostname) => {
      const other = { mac: '52:54:00:00:00:99', ipv4: '10.77.0.9', hostname: 'victim' };
      await agent.call('ensure', spec, [{ ...lease, hostname }, other]);
      await plugGuest();
      expect(await askDhcp()).toMatchObject({ ip: GUEST_IP, lease: '43200' });
      await guest.exec('ip', 'link', 'set', 'eth0', 'address', other.mac);
      expect(await askDhcp()).toMatchObject({ ip: other.ipv4, hostname: 'victim' });
    },
  );

  it('serves guests of one name, which different projects may have', async () => {
    const twin = { ...lease, mac: '52:54:00:00:00:99', ipv4: '10.77.0.9' };
    await agent.call('ensure', spec, [lease, twin]);
    await plugGuest();
    for (const { mac, ipv4 } of [lease, twin, lease]) {
      await guest.exec('ip', 'link', 'set', 'eth0', 'address', mac);
      expect(await askDhcp()).toMatchObject({ ip: ipv4, hostname: 'hello' });
    }
  });

  it('is served on as before when its files cannot be written', async () => {
    await agent.call('ensure', spec, [lease, { ...lease, mac: '52:54:00:00:00:99', ipv4: '10.77.0.9' }]);
    const pids = [await onlyDnsmasq()];
    for (const name of ['dnsmasq.conf', 'hosts']) {
      const obstacle = join(dir, NETWORK, `${name}.new`);
      await mkdir(obstacle);
      await expect(
        agent.call('ensure', { ...spec, subnet: { cidr: '10.77.0.0/24' } }, [lease]),
      ).rejects.toThrow();
      await expect.poll(dnsmasqs).toEqual(pids);
      await rm(obstacle, { recursive: true });
    }
    await agent.call('ensure', spec, [lease]);
    expect(await seen()).toMatchObject([{ ready: true }]);
    await plugGuest();
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
  });

  it('keeps its MAC, and does nothing when all is as wanted', async () => {
    await agent.call('ensure', spec, [lease]);
    const mac = await node.exec('cat', '/sys/class/net/gbr0/address');
    const before = await agent.call('changes');
    await agent.call('ensure', spec, [lease]);
    expect(await agent.call('changes')).toBe(before);
    await agent.call('remove', spec);
    await agent.call('ensure', spec, [lease]);
    expect(await node.exec('cat', '/sys/class/net/gbr0/address')).toBe(mac);
  });

  it('follows changes of mtu, gateway and bridge name', async () => {
    await agent.call('ensure', spec, [lease]);
    await agent.call(
      'ensure',
      { ...spec, mtu: 1400, subnet: { cidr: '10.77.0.0/24', gateway: '10.77.0.254' } },
      [],
    );
    const shown = await node.exec('ip', 'addr', 'show', 'dev', 'gbr0');
    expect(shown).toContain('mtu 1400');
    expect(shown.match(/inet \S+/g)).toEqual(['inet 10.77.0.254/24']);
    await agent.call('ensure', { ...spec, bridge: 'gbr1' }, [lease]);
    expect(await traces()).not.toContain('gbr0');
    expect((await seen()).map((n) => [n.bridge, n.ready])).toEqual([['gbr1', true]]);
  });

  it('keeps its mtu, whatever ports come and go', async () => {
    const small = { ...spec, mtu: 1400 };
    await agent.call('ensure', small, [lease]);
    await plugGuest();
    await node.exec('ip', 'link', 'set', 'vnet0', 'mtu', '1300');
    expect(await seen()).toMatchObject([{ ready: true }]);
    await node.exec('ip', 'link', 'del', 'vnet0');
    expect(await seen()).toMatchObject([{ ready: true }]);
  });

  it('is found and served on after a kill of the agent', async () => {
    await agent.call('ensure', spec, [lease]);
    const pids = [await onlyDnsmasq()];
    await agent.kill();
    await expect.poll(dnsmasqs).toEqual(pids);
    agent = startAgent();
    expect(await seen()).toMatchObject([{ ready: true, leases: `${GUEST_MAC},${GUEST_IP},hello.example\n` }]);
    await agent.call('ensure', spec, [lease]);
    await expect.poll(dnsmasqs).toEqual(pids);
    await plugGuest();
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
  });

  it.each([
    [
      'its DHCP server is killed',
      async () => {
        process.kill(await onlyDnsmasq(), 'SIGKILL');
        await expect.poll(dnsmasqs).toEqual([]);
      },
    ],
    ['its address is removed', () => node.exec('ip', 'addr', 'flush', 'dev', 'gbr0')],
    ['it is set down', () => node.exec('ip', 'link', 'set', 'gbr0', 'down')],
    ['its MAC is changed', () => node.exec('ip', 'link', 'set', 'gbr0', 'address', '02:00:00:00:00:01')],
    ['its bridge is removed', () => node.exec('ip', 'link', 'del', 'gbr0')],
    ['forwarding is switched off', () => node.exec('sysctl', '-qw', 'net.ipv4.conf.up0.forwarding=0')],
    ['the pid file is gone', () => rm(join(dir, NETWORK, 'dnsmasq.pid'))],
    [
      'the pid file names another process',
      () => writeFile(join(dir, NETWORK, 'dnsmasq.pid'), `${process.pid}\n`),
    ],
    ['the record is damaged', () => writeFile(join(dir, NETWORK, 'network.json'), '{"spec"')],
  ])('is seen as not ready and mended when %s', async (_what, damage) => {
    await agent.call('ensure', spec, [lease]);
    await damage();
    await agent.kill();
    agent = startAgent();
    expect(await seen()).toMatchObject([{ network: NETWORK, ready: false, why: expect.stringMatching(/./) }]);
    await agent.call('ensure', spec, [lease]);
    expect(await seen()).toMatchObject([{ network: NETWORK, ready: true }]);
    await onlyDnsmasq();
    await plugGuest();
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
  });

  it('has its rules back after another program flushed all of them', async () => {
    await agent.call('ensure', spec, [lease]);
    await node.exec('nft', 'flush', 'ruleset');
    await agent.kill();
    agent = startAgent(); // the running one asks nft every 30 s only
    expect(await seen()).toMatchObject([{ ready: false, why: expect.stringContaining('nftables') }]);
    await agent.call('ensure', spec, [lease]);
    expect(await seen()).toMatchObject([{ ready: true }]);
  });

  it('goes without a trace, and leaves all others alone', async () => {
    await node.exec('nft', 'add', 'table', 'inet', 'theirs');
    await node.exec('ip', 'link', 'add', 'br-theirs', 'type', 'bridge');
    const before = await traces();
    await agent.call('ensure', spec, [lease]);
    await agent.call(
      'ensure',
      { ...spec, network: OTHER, bridge: 'gbr1', subnet: { cidr: '10.78.0.0/24' } },
      [],
    );
    expect((await seen()).map((n) => n.ready)).toEqual([true, true]);
    await agent.call('remove', spec);
    expect((await seen()).map((n) => [n.network, n.ready])).toEqual([[OTHER, true]]);
    expect(await node.exec('nft', 'list', 'tables')).toContain(OTHER);
    await agent.call('remove', { network: OTHER });
    await agent.call('remove', { network: OTHER });
    expect(await traces()).toBe(before);
    expect(await seen()).toEqual([]);
  });

  it('is not removed while a guest is attached', async () => {
    await agent.call('ensure', spec, [lease]);
    await plugGuest();
    await expect(agent.call('remove', spec)).rejects.toThrow('in_use: bridge gbr0 is used by vnet0');
    expect(await seen()).toMatchObject([{ ready: true }]);
    expect((await askDhcp())?.['ip']).toBe(GUEST_IP);
  });

  it('tells of taps that no QEMU holds, and touches none', async () => {
    await agent.call('ensure', spec, [lease]);
    await node.exec('ip', 'tuntap', 'add', 'vnet7', 'mode', 'tap');
    await node.exec('ip', 'link', 'set', 'vnet7', 'master', 'gbr0', 'up');
    expect(await seen()).toMatchObject([{ ready: true, idleTaps: ['vnet7'] }]);
  });
});

describe('killed before any step', () => {
  it('ensure is completed by the next one', async () => {
    await agent.call('ensure', spec, [lease]);
    const steps = await agent.call<number>('changes');
    await agent.call('remove', spec);
    for (let step = 1; step <= steps; step++) {
      const mortal = startAgent(String(step));
      await expect(mortal.call('ensure', spec, [lease])).rejects.toThrow('the driver ended');
      agent = startAgent();
      expect(await seen()).toMatchObject([{ network: NETWORK, ready: false }]);
      await agent.call('ensure', spec, [lease]);
      expect(await seen()).toMatchObject([{ network: NETWORK, ready: true }]);
      await onlyDnsmasq();
      await agent.call('remove', spec);
    }
    expect(steps).toBeGreaterThanOrEqual(6);
  });

  it('remove is completed by the next one, also after a half-made ensure', async () => {
    const clean = await traces();
    for (const [ensureUpTo, removeUpTo] of [
      ['', '1'],
      ['', '2'],
      ['2', ''],
      ['3', ''],
      ['5', ''],
    ] as const) {
      await startAgent(ensureUpTo)
        .call('ensure', spec, [lease])
        .catch(() => undefined);
      await startAgent(removeUpTo)
        .call('remove', spec)
        .catch(() => undefined);
      agent = startAgent();
      if (removeUpTo !== '') expect(await seen()).toMatchObject([{ network: NETWORK, ready: false }]);
      await agent.call('remove', spec);
      expect(await traces()).toBe(clean);
    }
  });
});

describe('refuses', () => {
  it('a bridge that is not ours, and leaves it as it is', async () => {
    await node.exec('ip', 'link', 'add', 'gbr0', 'type', 'bridge');
    await node.exec('ip', 'addr', 'add', '10.99.0.1/24', 'dev', 'gbr0');
    const before = await node.exec('ip', 'addr', 'show', 'dev', 'gbr0');
    await expect(agent.call('ensure', spec, [])).rejects.toThrow(
      'host_unfit: this machine cannot run it: gbr0 exists and is not ours (bridge)',
    );
    await agent.call('remove', spec);
    expect(await node.exec('ip', 'addr', 'show', 'dev', 'gbr0')).toBe(before);
  });

  it('a bridge of another cluster, and an interface that is no bridge', async () => {
    await node.exec('ip', 'link', 'add', 'gbr0', 'type', 'bridge');
    await node.exec('ip', 'link', 'set', 'gbr0', 'alias', `gantry ${OTHER} ${NETWORK}`);
    await expect(agent.call('ensure', spec, [])).rejects.toThrow('not ours');
    await expect(agent.call('ensure', { ...spec, bridge: 'up0' }, [])).rejects.toThrow('not ours (veth)');
  });

  it('a subnet that the machine uses already', async () => {
    const taken = { ...spec, subnet: { cidr: '192.0.2.0/25' } };
    await expect(agent.call('ensure', taken, [])).rejects.toThrow('up0 has 192.0.2.2/24');
    expect(await traces()).not.toContain('gbr0');
  });

  it('a state directory that dnsmasq could not read', async () => {
    await chmod(dir, 0o700);
    await expect(agent.call('ensure', spec, [lease])).rejects.toThrow(
      `${dir} cannot be entered by other users`,
    );
  });
});

describe('a bridge of the host', () => {
  const given = { ...spec, mode: 'bridge', bridge: 'br0', subnet: undefined, dhcp: false };

  const settings = async (): Promise<string[]> => [
    await settledLinks(node, 'up0'),
    await node.exec('nft', 'list', 'ruleset'),
    await node.exec('sysctl', '-a', '--pattern', '[.]forwarding|disable_ipv6'),
  ];

  it('must be there, be a bridge and be up; nothing of it is changed', async () => {
    await expect(agent.call('ensure', given, [])).rejects.toThrow('there is no bridge br0');
    await expect(agent.call('ensure', { ...given, bridge: 'up0' }, [])).rejects.toThrow(
      'no Linux bridge but veth',
    );
    await node.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
    await expect(agent.call('ensure', given, [])).rejects.toThrow('bridge br0 is down');
    await node.exec('ip', 'link', 'set', 'br0', 'up');
    const before = await settings();
    await agent.call('ensure', given, []);
    expect(await seen()).toEqual([
      {
        ...{ network: NETWORK, bridge: 'br0', ready: true, ports: [], leases: '' },
        spec: JSON.parse(JSON.stringify(given)),
      },
    ]);
    await expect(agent.call('ensure', { ...given, mtu: 9000 }, [])).rejects.toThrow('has mtu 1500');
    await agent.call('remove', given);
    expect(await settings()).toEqual(before);
    expect(await seen()).toEqual([]);
  });

  it('gets no DHCP from us', async () => {
    await mkdir(dir, { recursive: true });
    await expect(agent.call('ensure', { ...given, dhcp: true }, [])).rejects.toThrow('not_supported');
  });
});

describe('probe', () => {
  const target = { instance: OTHER, ipv4: GUEST_IP, bridge: 'gbr0', mac: GUEST_MAC };

  it('tells ping and ssh apart, each soon after it is there', async () => {
    await agent.call('ensure', spec, [lease]);
    await plugGuest();
    const probing = agent.call<{ ping: number; ssh: number }>('probe', target, 120_000);
    await systemClock.sleep(2350);
    const addressAt = systemClock.now();
    await guest.exec('ip', 'addr', 'add', `${GUEST_IP}/24`, 'dev', 'eth0');
    await systemClock.sleep(1500);
    const sshAt = systemClock.now();
    const sshd = driver(
      guest,
      '-e',
      'require("net").createServer((s) => s.on("error", () => {}).end("SSH-2.0-test\\r\\n")).listen(22)',
    );
    drivers.push(sshd);
    const signs = await probing;
    console.log(`noticed: ping ${signs.ping - addressAt} ms, ssh ${signs.ssh - sshAt} ms after it was there`);
    expect(signs.ping).toBeGreaterThanOrEqual(addressAt);
    expect(signs.ssh).toBeGreaterThanOrEqual(sshAt);
  });

  it('ends when it is told to, without a sign of a guest that is not there', async () => {
    await agent.call('ensure', spec, [lease]);
    expect(await agent.call('probe', target, 1500)).toEqual({});
  });

  it('refuses what is no address', async () => {
    await expect(agent.call('probe', { ...target, ipv4: '-f' }, 100)).rejects.toThrow('invalid_argument');
    await expect(agent.call('probe', { ...target, ipv4: '10.77.0.5; id' }, 100)).rejects.toThrow(
      'invalid_argument',
    );
  });
});
