/** A guest that pretends to be another one: frames forged inside of it by root, and what a machine beside it sees. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Instance } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkLocalOf } from '../../../packages/agent/src/network/filter/sources.ts';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import * as frames from '../../lab/frames.ts';
import { type Inventory, inventory } from '../../lab/inventory.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { until } from '../../lab/wait.ts';

const GATEWAY = '192.168.77.1';
const OTHER = { mac: '52:54:00:99:99:99', ipv4: '192.168.77.99' };
const OTHER_LOCAL = linkLocalOf(OTHER.mac);

const examples = examplesOf('docs/anti-spoofing.md');
let cluster: Cluster;
let before: Inventory;
let own: { mac: string; ipv4: string; local: string };

beforeAll(async () => {
  cluster = await startCluster();
  const keys = ['--ssh-key', `${cluster.sshKey}.pub`];
  before = await inventory(cluster);
  await cluster.ok('launch', 'debian/12', 'liar', ...keys, '--until', 'ssh');
  const [nic] = (await cluster.json<Instance>('instance', 'show', 'liar')).spec.nics;
  own = { mac: nic?.mac ?? '', ipv4: nic?.ipv4 ?? '', local: linkLocalOf(nic?.mac ?? '') };
  // Another machine on the same wire.
  await cluster.exec('ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1');
  await cluster.exec('ip', 'link', 'set', 'wire0', 'master', 'gantry0', 'up');
  await cluster.exec('ip', 'link', 'set', 'wire1', 'up', 'promisc', 'on');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const datagram = (change: Partial<Parameters<typeof frames.udp4>[0]> & { mark: string }): string =>
  frames.udp4({
    from: own.mac,
    source: own.ipv4,
    destination: '192.168.77.255',
    ports: [9, 9],
    ...change,
  });
const dhcpRequest = (client: string, mark: string): string =>
  datagram({
    source: '0.0.0.0',
    destination: '255.255.255.255',
    ports: [68, 67],
    payload: frames.bootp(1, client),
    mark,
  });
const claim = (change: Partial<Parameters<typeof frames.arp>[0]> & { mark: string }): string =>
  frames.arp({
    from: own.mac,
    operation: 2,
    senderMac: own.mac,
    sender: own.ipv4,
    target: own.ipv4,
    ...change,
  });
/** Neighbour solicitation (135) or advertisement (136) about an address. */
const neighbour = (type: 135 | 136, source: string, target: string, mark: string): string =>
  frames.icmp6(own.mac, source, type, `00000000${frames.ipv6(target)}`, mark);

const self = (mark: string): frames.Fragmented => ({ from: own.mac, source: own.local, mark });

/** By the reason for which each is dropped. */
const forged: [why: string, what: string, frame: (mark: string) => string][] = [
  ['mac', 'another MAC as source', (mark) => datagram({ from: OTHER.mac, mark })],
  ['arp', 'the gateway’s address claimed', (mark) => claim({ sender: GATEWAY, mark })],
  ['arp', 'another’s address asked from', (mark) => claim({ operation: 1, sender: OTHER.ipv4, mark })],
  ['arp', 'another MAC inside ARP', (mark) => claim({ senderMac: OTHER.mac, mark })],
  ['ipv4', 'another’s IPv4 address', (mark) => datagram({ source: OTHER.ipv4, mark })],
  ['ipv4', 'an address of another network', (mark) => datagram({ source: '10.1.2.3', mark })],
  ['ipv4', 'a lease asked for another MAC', (mark) => dhcpRequest(OTHER.mac, mark)],
  [
    'dhcp-server',
    'a DHCP offer',
    (mark) => datagram({ ports: [67, 68], payload: frames.bootp(2, OTHER.mac), mark }),
  ],
  [
    'dhcp-server',
    'a DHCPv6 advertisement',
    (mark) => frames.udp6({ from: own.mac, source: own.local, ports: [547, 546], mark }),
  ],
  [
    'router',
    'a router advertisement',
    (mark) => frames.icmp6(own.mac, own.local, 134, '4000070800000000'.repeat(2), mark),
  ],
  [
    'router',
    'a redirect',
    (mark) => frames.icmp6(own.mac, own.local, 137, `00000000${frames.ipv6(own.local).repeat(2)}`, mark),
  ],
  ['router', 'a router advertisement in fragments', (mark) => frames.cutAdvertisement(self(mark))],
  [
    'fragment',
    'a router advertisement that begins in the second fragment',
    (mark) => frames.hiddenAdvertisement(self(mark)),
  ],
  [
    'fragment',
    'a DHCPv6 advertisement that begins in the second fragment',
    (mark) => frames.hiddenDhcp(self(mark)),
  ],
  [
    'fragment',
    'a neighbour entry cut before its address',
    (mark) => frames.cutNeighbour(self(mark), OTHER_LOCAL),
  ],
  [
    'ipv6',
    'another’s IPv6 address',
    (mark) => frames.udp6({ from: own.mac, source: OTHER_LOCAL, ports: [9, 9], mark }),
  ],
  ['ipv6', 'another’s address under test', (mark) => neighbour(135, '::', OTHER_LOCAL, mark)],
  ['neighbour', 'another’s neighbour entry', (mark) => neighbour(136, own.local, OTHER_LOCAL, mark)],
  ['protocol', 'a VLAN tag', (mark) => frames.tagged(datagram({ mark }))],
  ['protocol', 'spanning tree', (mark) => frames.llc(own.mac, mark)],
  ['protocol', 'a PPPoE offer', (mark) => frames.pppoe(own.mac, mark)],
];

const honest: [what: string, frame: (mark: string) => string][] = [
  ['a datagram', (mark) => datagram({ mark })],
  ['its address announced', (mark) => claim({ mark })],
  ['an address probed for', (mark) => claim({ operation: 1, sender: '0.0.0.0', target: OTHER.ipv4, mark })],
  ['a lease asked for', (mark) => dhcpRequest(own.mac, mark)],
  ['IPv6', (mark) => frames.udp6({ from: own.mac, source: own.local, ports: [9, 9], mark })],
  ['its own IPv6 address tested', (mark) => neighbour(135, '::', own.local, mark)],
  ['its own neighbour entry', (mark) => neighbour(136, own.local, own.local, mark)],
  ['the first fragment of a long datagram', (mark) => frames.longDatagram(self(mark))],
  ['its last', (mark) => frames.longDatagramsEnd(self(mark))],
  ['a long ping', (mark) => frames.longPing(self(mark))],
  ['where it is now', (mark) => frames.rarp(own.mac, mark)],
];

const END = 'the last frame';

/** What the other machine sees while root in the guest sends these, in hex. */
async function seenOf(sent: readonly string[]): Promise<string[]> {
  const [command = '', ...args] = cluster.enter(['perl', '-e', frames.sniffer, 'wire1', END]);
  const sniffer = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: string[] = [];
  let sending: Promise<unknown> | undefined;
  for await (const line of createInterface(sniffer.stdout)) {
    if (line !== 'ready') seen.push(line);
    else sending = send([...sent, datagram({ mark: END })]);
  }
  await sending;
  expect(seen.at(-1)).toContain(Buffer.from(END).toString('hex'));
  return seen;
}

async function send(sent: readonly string[]): Promise<void> {
  // What got out before was believed here as elsewhere.
  await cluster.exec('ip', 'neighbour', 'flush', 'dev', 'gantry0');
  const { code, stderr } = await cluster.ssh(
    own.ipv4,
    `perl -e '${frames.sender.replaceAll("'", `'\\''`)}' ${sent.join(' ')}`,
  );
  expect(code, stderr).toBe(0);
}

/** Which of the forged frames leave the guest. */
async function outOf(): Promise<string[]> {
  const seen = await seenOf(forged.map(([, , frame], index) => frame(markOf(index))));
  return forged.filter((_, index) => arrived(seen, index)).map(([, what]) => what);
}

const markOf = (index: number): string => `mark-${String(index).padStart(3, '0')}-`;
const arrived = (seen: readonly string[], index: number): boolean =>
  seen.some((frame) => frame.includes(Buffer.from(markOf(index)).toString('hex')));

interface Counted {
  counters?: { spoofed?: Record<string, number> };
}

/** Of a node that does not answer in time none are shown. */
async function dropped(): Promise<Record<string, number>> {
  const { spoofed = {} } = await until('counters', async () => {
    const [nic] = await cluster.json<Counted[]>('instance', 'nic', 'show', 'liar');
    return nic?.counters;
  });
  return spoofed;
}

test('nothing forged leaves the guest, whatever the kind, and each is counted', async () => {
  const counted = await dropped();
  const seen = await seenOf(forged.map(([, , frame], index) => frame(markOf(index))));
  expect(forged.filter((_, index) => arrived(seen, index)).map(([, what]) => what)).toEqual([]);
  const now = await dropped();
  for (const [why, kinds] of Map.groupBy(forged, ([reason]) => reason))
    expect([why, (now[why] ?? 0) - (counted[why] ?? 0)]).toEqual([why, kinds.length]);
  await until('the same for people', async () =>
    /not let out +1 mac, 3 arp, /.test(await cluster.ok('instance', 'nic', 'show', 'liar')),
  );
});

test('honest frames do', async () => {
  const seen = await seenOf(honest.map(([, frame], index) => frame(markOf(index))));
  expect(honest.filter((_, index) => !arrived(seen, index)).map(([what]) => what)).toEqual([]);
});

describe('the filter', () => {
  const stands = async () => (await cluster.exec('nft', 'list', 'tables')).includes('bridge gantry');

  test('comes back under a running guest when it was flushed', async () => {
    await cluster.exec('nft', 'delete', 'table', 'bridge', 'gantry');
    await cluster.kill9('agent');
    await cluster.start();
    await until('the filter stands again', stands);
    const [frame] = forged.map(([, , make]) => make(markOf(0)));
    expect(arrived(await seenOf([frame ?? '']), 0)).toBe(false);
  });

  test('goes with the guest, and is there before it starts again', async () => {
    await cluster.ok('instance', 'stop', 'liar', '--force');
    const chains = () => cluster.exec('nft', 'list', 'chains', 'bridge');
    await until('it is gone', async () => !(await stands()));
    await cluster.ok('instance', 'start', 'liar');
    expect(await chains()).toMatch(/chain gt/);
  });
});

describe('loosened', () => {
  test('by an administrator, for a NIC', async () => {
    await cluster.ok('instance', 'delete', 'liar', '--yes');
    // Another address: the connection to the guest that has gone is kept until it is found dead.
    own = { ...own, ipv4: '192.168.77.98' };
    const nic = ['--nic', `default,ip=${own.ipv4},mac=${own.mac},allow=10.1.2.0/24+${OTHER.ipv4}`];
    const keys = ['--ssh-key', `${cluster.sshKey}.pub`];
    await cluster.ok('launch', 'debian/12', 'liar', ...nic, ...keys, '--until', 'ssh');
    expect(await outOf()).toEqual([
      'another’s address asked from',
      'another’s IPv4 address',
      'an address of another network',
    ]);
  });

  test('and tightened, and loosened, while it runs', async () => {
    const set = (...flags: string[]) => cluster.ok('instance', 'nic', 'set', 'liar:0', ...flags);
    await set('--disallow', '10.1.2.0/24');
    expect(await outOf()).toEqual(['another’s address asked from', 'another’s IPv4 address']);
    await set('--allow', OTHER.mac, '--disallow', OTHER.ipv4);
    expect(await outOf()).toEqual([
      'another MAC as source',
      'another MAC inside ARP',
      'a lease asked for another MAC',
      'another’s IPv6 address',
      'another’s address under test',
      'another’s neighbour entry',
    ]);
    await set('--filter', 'off');
    expect(await outOf()).toEqual(forged.map(([, what]) => what));
    await set('--filter', 'on', '--disallow', OTHER.mac);
    expect(await outOf()).toEqual([]);
    expect(await cluster.ok('instance', 'diff', 'liar')).toContain('is as its settings');
  });

  test('while it runs, as the documentation shows it', async () => {
    const sets = examples.commands.filter((command) => command.startsWith('instance nic set '));
    expect(sets).toHaveLength(3);
    for (const command of sets) await cluster.ok(...examples.take(command, { web1: 'liar' }));
    const [nic] = (await cluster.json<Instance>('instance', 'show', 'liar')).spec.nics;
    expect([nic?.filter, nic?.allow]).toEqual([undefined, ['52:54:00:00:00:7a']]);
  });

  test('as the documentation shows it', async () => {
    for (const name of ['router1', 'probe1']) {
      await cluster.ok(...examples.take(`instance create ${name}`), '--stopped');
      await cluster.ok('instance', 'delete', name, '--yes');
    }
    expect(examples.left()).toEqual([]);
  });

  test('by nobody else', async () => {
    const { secret } = await cluster.json<{ secret: string }>(
      'token',
      'create',
      'user',
      '--role',
      'operator',
    );
    const create = ['instance', 'create', 'sly', '--image', 'debian/12', '--flavor', 'small'];
    const asUser = { env: { ...cluster.env, GANTRY_TOKEN: secret } };
    const set = ['instance', 'nic', 'set', 'liar:0'];
    for (const words of [
      [...create, '--nic', 'default,filter=off'],
      [...create, '--nic', 'default,allow=10.0.0.0/8'],
      [...set, '--filter', 'off'],
      [...set, '--allow', '10.0.0.0/8'],
    ]) {
      const { code, stderr } = await cluster.gantry(words, asUser);
      expect([code, stderr]).toEqual([4, expect.stringContaining('loosen the filter of a NIC')]);
    }
  });

  test('and everything goes', async () => {
    await cluster.ok('instance', 'delete', 'liar', '--yes');
    await cluster.exec('ip', 'link', 'del', 'wire0');
    await cluster.ok('token', 'delete', 'user', '--yes');
    expect(await inventory(cluster)).toEqual(before);
  });
});
