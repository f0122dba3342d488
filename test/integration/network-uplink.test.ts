/**
 * Networks on an uplink for real, in network namespaces: `node` has its way to the controller over up0 and a second
 * interface up1 into the network of the guests, whose other end is `world`.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SeenNetwork } from '../../packages/agent/src/observation.ts';
import { cable, type Driver, driver, type Namespace, namespace, settledLinks } from '../lab/namespaces.ts';

const SCRIPT = fileURLToPath(new URL('../lab/network-driver.ts', import.meta.url));
const CLUSTER = '11111111-1111-4111-8111-111111111111';
const CONTROLLER = '192.0.2.1';
const spec = {
  network: '22222222-2222-4222-8222-222222222222',
  node: '44444444-4444-4444-8444-444444444444',
  desired: 'present',
  mode: 'uplink',
  bridge: 'br100',
  uplink: 'up1',
  mtu: 1400,
  dhcp: false,
};

let dir: string;
let node: Namespace;
let world: Namespace;
let guest: Namespace;
let agent: Driver;
const drivers: Driver[] = [];

function startAgent(dieBefore = ''): Driver {
  const started = driver(node, SCRIPT, dir, CLUSTER, dieBefore, CONTROLLER);
  drivers.push(started);
  return started;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-uplink-'));
  await chmod(dir, 0o755);
  [node, world, guest] = await Promise.all([namespace('node'), namespace('world'), namespace('guest')]);
  await cable(node, 'up0', world, 'down0');
  await cable(node, 'up1', world, 'down1');
  await node.exec('ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'up0');
  await world.exec('ip', 'addr', 'add', `${CONTROLLER}/24`, 'dev', 'down0');
  await world.exec('ip', 'addr', 'add', '10.100.0.1/24', 'dev', 'down1');
  agent = startAgent();
});
afterEach(async () => {
  await Promise.all(drivers.splice(0).map((d) => d.kill()));
  await Promise.all([node, world, guest].map((n) => n.remove()));
  await rm(dir, { recursive: true, force: true });
});

const seen = async (): Promise<SeenNetwork[]> => agent.call('observe');
const pings = (from: Namespace, to: string): Promise<boolean> =>
  from.exec('ping', '-c', '1', '-W', '1', to).then(
    () => true,
    () => false,
  );
/** Soon: neighbours that were not reached are asked for again only after a while. */
async function pingsSoon(from: Namespace, to: string): Promise<boolean> {
  for (let attempt = 0; attempt < 60; attempt++) if (await pings(from, to)) return true;
  return false;
}
const settled = (): Promise<string> => settledLinks(node, 'up0', 'up1');

it('carries guests to the world, and gives the uplink back as it was', async () => {
  const before = await settled();
  await agent.call('ensure', spec, []);
  expect(await seen()).toMatchObject([{ network: spec.network, bridge: 'br100', ready: true }]);
  await cable(node, 'vnet0', guest, 'eth0');
  await node.exec('ip', 'link', 'set', 'vnet0', 'master', 'br100');
  await guest.exec('ip', 'addr', 'add', '10.100.0.5/24', 'dev', 'eth0');
  await guest.exec('ip', 'addr', 'add', '192.0.2.5/24', 'dev', 'eth0');
  expect(await pingsSoon(guest, '10.100.0.1')).toBe(true);
  // The node itself is not in that network, by IPv6 neither.
  expect(await pings(guest, '192.0.2.2')).toBe(false);
  expect(await node.exec('ip', '-6', 'addr', 'show', 'dev', 'br100')).toBe('');
  const changes = await agent.call('changes');
  await agent.call('ensure', spec, []);
  expect(await agent.call('changes')).toBe(changes);
  await expect(agent.call('remove', spec)).rejects.toThrow('in_use');
  expect(await pingsSoon(guest, '10.100.0.1')).toBe(true);
  await node.exec('ip', 'link', 'del', 'vnet0');
  await agent.call('remove', spec);
  expect(await settled()).toBe(before);
});

it.each<[string, object, string]>([
  ['the way to the controller', { uplink: 'up0' }, 'up0 has 192.0.2.2/24, which the node would lose'],
  ['what is not there', { uplink: 'bond9' }, 'there is no interface bond9 on the node'],
  ['too small an uplink', { mtu: 9000 }, 'up1 has mtu 1500, the network 9000'],
  ['the name of another interface', { bridge: 'up0' }, 'up0 exists and is not ours (veth)'],
  ['a VLAN on what is not there', { uplink: 'bond9', vlan: 100 }, 'there is no interface bond9'],
])('refuses %s, and changes nothing', async (_what, more, why) => {
  const before = await settled();
  await expect(agent.call('ensure', { ...spec, ...more }, [])).rejects.toThrow(why);
  expect(await agent.call('changes')).toBe(0);
  expect(await settled()).toBe(before);
  expect(await seen()).toEqual([]);
});

it('leaves a port of another bridge where it is', async () => {
  await node.exec('ip', 'link', 'add', 'lan0', 'type', 'bridge');
  await node.exec('ip', 'link', 'set', 'up1', 'master', 'lan0');
  await expect(agent.call('ensure', spec, [])).rejects.toThrow('up1 is a port of lan0');
  expect(await node.exec('ip', 'link', 'show', 'up1')).toContain('master lan0');
});

it('undoes what cuts the node off from its controller, though no address gave it away', async () => {
  // Unnumbered: the address lies on lo, the route goes through up1.
  await node.exec('ip', 'addr', 'del', '192.0.2.2/24', 'dev', 'up0');
  await node.exec('ip', 'addr', 'add', '192.0.2.2/32', 'dev', 'lo');
  await node.exec('sysctl', '-q', '-w', 'net.ipv4.conf.all.rp_filter=1');
  await node.exec('ip', 'route', 'add', CONTROLLER, 'dev', 'up1', 'src', '192.0.2.2');
  await world.exec('ip', 'route', 'del', '192.0.2.0/24');
  await world.exec('ip', 'route', 'add', '192.0.2.2', 'dev', 'down1');
  expect(await pingsSoon(node, CONTROLLER)).toBe(true);
  await expect(agent.call('ensure', spec, [])).rejects.toThrow('was undone');
  expect(await pingsSoon(node, CONTROLLER)).toBe(true);
  expect(await seen()).toMatchObject([{ ready: false }]);
  const killed = startAgent('2'); // the port is in the bridge that is there already; the next step would undo it
  await expect(killed.call('ensure', spec, [])).rejects.toThrow('the driver ended');
  expect(await pings(node, CONTROLLER)).toBe(false);
  const next = startAgent();
  await expect(next.call('ensure', spec, [])).rejects.toThrow('the controller does not answer');
  expect(await pingsSoon(node, CONTROLLER)).toBe(true);
});

it('is whole after a kill before any of its steps', async () => {
  await agent.call('ensure', spec, []);
  const steps = await agent.call<number>('changes');
  expect(steps).toBeGreaterThanOrEqual(5);
  for (let step = 1; step <= steps; step++) {
    await agent.call('remove', spec);
    const mortal = startAgent(`${step}`);
    await expect(mortal.call('ensure', spec, [])).rejects.toThrow('the driver ended');
    agent = startAgent();
    await agent.call('ensure', spec, []);
    expect(await seen()).toMatchObject([{ ready: true }]);
  }
});
