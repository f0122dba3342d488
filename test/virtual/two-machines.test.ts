/**
 * Two whole machines, each with two legs on one wire as the bond of its node: the second joins by the line of `gantry node
 * add`, networks on VLANs carry frames between guests of both, and a reboot brings back what was there.
 */
import type { Instance, Node } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyGuestImage } from '../lab/tiny-guest.ts';
import { startVirtualNode, type VirtualNode } from '../lab/virtual-node.ts';
import { until } from '../lab/wait.ts';
import { type Leg, type Tagged, wire } from '../lab/wire.ts';

const PORT = 7460;
const addressOf = (index: number): string => `10.99.0.${index}`;
const patience = { limitMs: 900_000, everyMs: 1000 };

const cables = wire();
let legs: Leg[][];
let nodes: VirtualNode[] = [];
let node1: VirtualNode;
let node2: VirtualNode;

/** As an operator with systemd-networkd has it: a bond with the node's address, and a VLAN-aware bridge on a third leg. */
const networkd = (index: number): Record<string, string> => ({
  'bond0.netdev': '[NetDev]\nName=bond0\nKind=bond\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n',
  'legs.network': '[Match]\nName=eth1 eth2\n[Link]\nMTUBytes=9000\n[Network]\nBond=bond0\n',
  'bond0.network': `[Match]\nName=bond0\n[Link]\nMTUBytes=9000\n[Network]\nAddress=${addressOf(index)}/24\n`,
  'lan0.netdev': '[NetDev]\nName=lan0\nKind=bridge\n[Bridge]\nVLANFiltering=yes\n',
  'trunk.network': '[Match]\nName=eth3\n[Network]\nBridge=lan0\n',
  'lan0.network': '[Match]\nName=lan0\n[Network]\nLinkLocalAddressing=no\n',
});

async function machine(index: number, ofMachine: readonly Leg[]): Promise<VirtualNode> {
  const hostName = `node${index}`;
  const node = await startVirtualNode({ hostName, bare: index > 1, legs: ofMachine });
  nodes.push(node);
  for (const [name, text] of Object.entries(networkd(index)))
    await node.run(['tee', `/etc/systemd/network/${name}`], { input: text });
  await node.run(['networkctl', 'reload']); // it may give up waiting; what it asked for is done all the same
  await until(
    `the bond of ${hostName}`,
    () => node.exec('ping', '-c', '1', '-I', 'bond0', addressOf(index)),
    patience,
  );
  return node;
}

/** On a busy machine a command may give up waiting for daemons; a further run completes what is missing. */
async function inTheEnd(node: VirtualNode, argv: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { code, stderr } = await node.run(argv);
    if (code === 0) return;
    if (tries === 5 || !stderr.includes('[start_timeout]')) throw new Error(stderr);
  }
}

const gantry = (...args: string[]): Promise<string> => node1.exec('gantry', ...args);
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await gantry(...args, '-o', 'json')) as T;

beforeAll(async () => {
  const three = () => Promise.all([cables.plug(), cables.plug(), cables.plug()]);
  legs = [await three(), await three()];
  const started = await Promise.allSettled(legs.map((own, index) => machine(index + 1, own)));
  const [first, second] = started.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  if (!first || !second) throw new Error('two were started');
  nodes = [first, second];
  [node1, node2] = [first, second];
  const listen = ['--listen', `${addressOf(1)}:${PORT}`];
  const init = ['cluster', 'init', '--yes', '--name', 'lab', '--node', 'node1', ...listen];
  await inTheEnd(node1, ['gantry', ...init]);
  await gantry('group', 'create', 'g1');
  await gantry('node', 'set', 'node1', '--group', 'g1');
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  cables.close();
});

test('a bare machine becomes a node by one line', async () => {
  expect((await node2.run(['gantry', '--version'])).code).not.toBe(0);
  const line = (await gantry('node', 'add', 'node2', '--group', 'g1')).trim();
  await inTheEnd(node2, ['sh', '-c', line]);
  expect((await node2.exec('systemctl', 'is-active', 'gantry-agent')).trim()).toBe('active');
  expect((await json<Node>('node', 'show', 'node2')).status).toMatchObject({ state: 'ready' });
});

/** Someone on a bridge of a node, with no other way to the other node than that bridge. */
async function guest(node: VirtualNode, name: string, address: string, bridge: string): Promise<void> {
  const mtu = ['mtu', (await node.exec('cat', `/sys/class/net/${bridge}/mtu`)).trim()];
  await node.exec('ip', 'netns', 'add', name);
  await node.exec('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await node.exec('ip', 'link', 'set', name, ...mtu, 'master', bridge, 'up');
  await node.exec('ip', '-n', name, 'address', 'add', `${address}/16`, 'dev', 'eth0');
  await node.exec('ip', '-n', name, 'link', 'set', 'eth0', ...mtu, 'up');
}
/** All of them in one subnet: what keeps them apart is the VLAN. */
const guestOf = (vlan: number, index: number): string => `10.100.${vlan % 256}.${index}`;
const guests = async (vlan: number): Promise<void> => {
  for (const [at, node] of nodes.entries()) await guest(node, `g${vlan}`, guestOf(vlan, at + 1), `br${vlan}`);
};

/** From the guest of node1. */
async function pings(vlan: number, to: string, ...more: string[]): Promise<boolean> {
  const ping = ['ping', '-q', '-c', '3', '-i', '0.3', '-W', '5', ...more, to];
  return (await node1.run(['ip', 'netns', 'exec', `g${vlan}`, ...ping])).code === 0;
}
const pingsSoon = (vlan: number): Promise<unknown> =>
  until(`the guest on VLAN ${vlan} of node2`, () => pings(vlan, guestOf(vlan, 2)), patience);

/** The ping's own: what neighbours ask each other is small. */
const bigger = (frames: readonly Tagged[], bytes: number): Tagged[] =>
  frames.filter((one) => one.bytes > bytes);
const vlansOf = (frames: readonly Tagged[]): number[] => [...new Set(frames.map(({ vlan }) => vlan))];
const sendersOf = (frames: readonly Tagged[]): string[] => [...new Set(frames.map(({ mac }) => mac))];

async function made(vlan: number, uplink: string, ...more: string[]): Promise<void> {
  const words = ['--vlan', `${vlan}`, '--uplink', uplink, '--bridge', `br${vlan}`, '--group', 'g1', ...more];
  await gantry('network', 'create', `net${vlan}`, ...words);
}
const says = (vlan: number, text: RegExp): Promise<unknown> =>
  until(
    `${text} of net${vlan}`,
    async () => {
      const shown = await gantry('network', 'show', `net${vlan}`);
      return nodes.every((_, at) => new RegExp(`node${at + 1} +${text.source}`).test(shown));
    },
    patience,
  );

describe('VLANs on a bond', () => {
  beforeAll(async () => {
    for (const vlan of [100, 200]) {
      await made(vlan, 'bond0', '--mtu', '9000');
      await says(vlan, /ready/);
      await guests(vlan);
      await pingsSoon(vlan);
    }
  });

  test('carry large frames between the nodes, tagged', async () => {
    const frames = await cables.tagged(async () => {
      expect(await pings(100, guestOf(100, 2), '-s', '8900', '-M', 'do')).toBe(true);
    });
    expect(vlansOf(bigger(frames, 8900))).toEqual([100]);
    expect(bigger(frames, 8900).length).toBeGreaterThanOrEqual(6);
  });

  test('keep guests of one from those of the other', async () => {
    expect(await pings(100, guestOf(200, 2))).toBe(false);
    expect(await pings(200, guestOf(100, 2))).toBe(false);
    expect(await pings(200, guestOf(200, 2))).toBe(true);
  });

  test('go on when a leg is cut, and so does the way to the controller', async () => {
    const active = (await node1.exec('cat', '/sys/class/net/bond0/bonding/active_slave')).trim();
    const other = active === 'eth1' ? 'eth2' : 'eth1';
    const macOf = (nic: string) => legs[0]?.[nic === 'eth1' ? 0 : 1]?.mac;
    const sent = async () => {
      const frames = await cables.tagged(() => pings(100, guestOf(100, 2)));
      return sendersOf(frames).filter((mac) => legs[0]?.some((leg) => leg.mac === mac));
    };
    expect(await sent()).toEqual([macOf(active)]);
    const { lastSeenAt } = (await json<Node>('node', 'show', 'node2')).status;
    await node1.cable(active, false);
    await pingsSoon(100);
    expect(await sent()).toEqual([macOf(other)]);
    const heard = async () => (await json<Node>('node', 'show', 'node2')).status;
    await until('node2', async () => (await heard()).lastSeenAt !== lastSeenAt, patience);
    expect((await heard()).state).toBe('ready');
    await node1.cable(active, true);
  });
});

test('a VLAN of a VLAN-aware bridge', async () => {
  const vlans = () => node1.exec('bridge', '-j', 'vlan', 'show', 'dev', 'lan0');
  const before = await vlans();
  await made(300, 'lan0');
  await says(300, /failed +.*no port of lan0 takes VLAN 300/);
  for (const node of nodes) await node.exec('bridge', 'vlan', 'add', 'dev', 'eth3', 'vid', '300');
  await says(300, /ready/); // by itself
  await guests(300);
  await pingsSoon(300);
  const frames = bigger(await cables.tagged(() => pings(300, guestOf(300, 2), '-s', '1400')), 1400);
  expect(vlansOf(frames)).toEqual([300]);
  expect(new Set(sendersOf(frames))).toEqual(new Set(legs.map((own) => own[2]?.mac)));
  expect(await pings(300, guestOf(100, 2))).toBe(false);
  for (const node of nodes) await node.exec('ip', 'netns', 'del', 'g300');
  await gantry('network', 'delete', 'net300', '--yes');
  await until('the bridge as it was', async () => (await vlans()) === before, patience);
  const goneFrom = async (node: VirtualNode) => (await node.run(['ip', 'link', 'show', 'br300'])).code !== 0;
  for (const node of nodes) await until('br300 to be gone', () => goneFrom(node), patience);
});

test('a reboot brings back networks, and the guests that are to start', async () => {
  const input = tinyGuestImage().toString('base64');
  await node1.run(['sh', '-c', 'base64 -d >/var/tmp/tiny.raw'], { input });
  await gantry('image', 'import', '/var/tmp/tiny.raw', 'tiny');
  await gantry('flavor', 'create', 'small-guest', '--vcpus', '1', '--memory', '64M', '--disk', '64M');
  const words = ['--image', 'tiny', '--flavor', 'small-guest', '--nic', 'net100,ip=none', '--node', 'node2'];
  await gantry('instance', 'create', 'keeps', ...words);
  await gantry('instance', 'create', 'stays', ...words, '--start-on-boot', 'no');
  const show = (name: string) => json<Instance>('instance', 'show', name);
  const qemu = async (name: string) =>
    (await node2.run(['pgrep', '--full', `^[^ ]*qemu-system.*${(await show(name)).id}`])).code === 0;
  expect([await qemu('keeps'), await qemu('stays')]).toEqual([true, true]);
  await node2.reboot();
  await until('the guest after the reboot', () => qemu('keeps'), patience);
  await until('its state', async () => (await show('keeps')).status.state === 'running', patience);
  await until('the other’s', async () => (await show('stays')).status.state === 'stopped', patience);
  expect(await qemu('stays')).toBe(false);
  await guest(node2, 'g100', guestOf(100, 2), 'br100');
  await pingsSoon(100);
});
