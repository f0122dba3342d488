/** A network on an uplink from the command to the guest's tap, and a node that cannot have one. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  await writeTinyGuest(join(cluster.dir, 'tiny.raw'));
  await cluster.ok('image', 'import', join(cluster.dir, 'tiny.raw'), 'tiny');
  await cluster.exec('ip', 'link', 'add', 'up1', 'type', 'veth', 'peer', 'name', 'down1');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const tiny = ['--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '64M'];
const shown = (name: string, words: RegExp) =>
  until(`${name} is shown as ${words}`, async () => words.test(await cluster.ok('network', 'show', name)));

test('it is made on the node by itself, carries a guest, and gives the uplink back', async () => {
  const subnet6 = ['--subnet6', '2001:db8::/64', '--pool6', '2001:db8::10-2001:db8::1f'];
  const addresses = ['--subnet', '10.100.0.0/24', '--pool', '10.100.0.10-10.100.0.19', ...subnet6];
  await cluster.ok('network', 'create', 'net1', '--uplink', 'up1', '--bridge', 'br1', ...addresses);
  await shown('net1', /Nodes\n.*\n\s+\S+\s+ready/);
  expect(await cluster.exec('ip', 'link', 'show', 'up1')).toContain('master br1');
  await cluster.ok('instance', 'create', 'one', ...tiny, '--nic', 'net1,ip6=2001:db8::15');
  expect(await cluster.ok('instance', 'show', 'one')).toContain('10.100.0.10/24 2001:db8::15/64');
  expect(await cluster.exec('bridge', 'link')).toMatch(/gt\w+n0: .* master br1/);
  expect(await cluster.exec('nft', 'list', 'table', 'bridge', 'gantry')).toMatch(
    /ip6 saddr \{[^}]*2001:db8::15/,
  );
  const used = await cluster.gantry(['network', 'delete', 'net1', '--yes']);
  expect(used.stderr).toContain('[in_use]');
  await cluster.ok('instance', 'delete', 'one', '--yes');
  await cluster.ok('network', 'delete', 'net1', '--yes');
  await until('the bridge is gone', async () => !(await cluster.exec('ip', 'link')).includes('br1'));
  expect(await cluster.exec('ip', 'link', 'show', 'up1')).not.toContain('master');
});

test('a node without the uplink says so, and no instance goes there until it is set right', async () => {
  await cluster.ok('network', 'create', 'net2', '--uplink', 'bond9', '--bridge', 'br2');
  await shown('net2', /failed\s+.*there is no interface bond9 on the node/);
  const refused = await cluster.gantry(['instance', 'create', 'two', ...tiny, '--nic', 'net2']);
  expect([refused.code, refused.stderr]).toEqual([
    6,
    expect.stringContaining('there is no interface bond9 on the node') as string,
  ]);
  await cluster.ok('network', 'set', 'net2', '--uplink', 'up1');
  await shown('net2', /ready/);
  await cluster.ok('instance', 'create', 'two', ...tiny, '--nic', 'net2');
  await cluster.ok('instance', 'delete', 'two', '--yes');
  await cluster.ok('network', 'delete', 'net2', '--yes');
});
