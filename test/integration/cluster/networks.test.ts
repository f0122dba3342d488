/** A network on an uplink from the command to the guest's tap, and a node that cannot have one. */
import { join } from 'node:path';
import type { Instance } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloudImage } from '../../lab/cloud-image.ts';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
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

describe('an address that a machine outside of the cluster has', () => {
  const create = (name: string, ...rest: string[]) => [
    ...['instance', 'create', name, ...tiny, '--nic', 'net3,ip=10.3.0.9,ip6=2001:db8:3::9', ...rest],
  ];
  const foreign = (...argv: string[]) => cluster.exec('ip', '-n', 'foreign', ...argv);
  const refused = async (holder: RegExp) => {
    const { code, stderr } = await cluster.gantry(create('three'));
    expect([code, stderr]).toEqual([5, expect.stringMatching(holder) as string]);
    expect(stderr).toContain('--no-address-check');
    expect((await cluster.gantry(['instance', 'show', 'three'])).code).toBe(3);
  };

  beforeAll(async () => {
    await cluster.exec('ip', 'netns', 'add', 'foreign');
    const down = ['down3', 'address', '52:54:00:aa:bb:cc', 'netns', 'foreign'];
    await cluster.exec('ip', 'link', 'add', 'up3', 'type', 'veth', 'peer', 'name', ...down);
    await foreign('link', 'set', 'down3', 'up');
    const subnets = ['--subnet', '10.3.0.0/24', '--subnet6', '2001:db8:3::/64'];
    await cluster.ok('network', 'create', 'net3', '--uplink', 'up3', '--bridge', 'br3', ...subnets);
    await shown('net3', /ready/);
  });
  afterAll(async () => {
    await cluster.ok('network', 'delete', 'net3', '--yes');
    await cluster.exec('ip', 'netns', 'del', 'foreign');
  });

  test('is not given to a guest: the create fails, names the holder, and leaves nothing', async () => {
    await foreign('addr', 'add', '10.3.0.9/24', 'dev', 'down3');
    await refused(
      /10\.3\.0\.9 is in use already: 52:54:00:aa:bb:cc answers for it on br3 +\[address_answered\]/,
    );
    await foreign('addr', 'del', '10.3.0.9/24', 'dev', 'down3');
    await foreign('addr', 'add', '2001:db8:3::9/64', 'dev', 'down3', 'nodad');
    await refused(/2001:db8:3::9 is in use already: 52:54:00:aa:bb:cc answers/);
  });

  test('is, when told not to ask; and when nobody has it any more', async () => {
    await cluster.ok(...create('three', '--no-address-check'));
    await cluster.ok('instance', 'delete', 'three', '--yes');
    await foreign('addr', 'flush', 'dev', 'down3', 'scope', 'global');
    await cluster.ok(...create('three'));
    await cluster.ok('instance', 'stop', 'three', '--force');
    await foreign('addr', 'add', '10.3.0.9/24', 'dev', 'down3');
    // It is its own since: what others do now is theirs to mend, and no reason to keep it down.
    await cluster.ok('instance', 'start', 'three');
    await cluster.ok('instance', 'delete', 'three', '--yes');
    await foreign('addr', 'flush', 'dev', 'down3', 'scope', 'global');
  });

  test('is not given to a guest that is there, running or stopped; and nothing of it changes', async () => {
    await foreign('addr', 'add', '10.3.0.9/24', 'dev', 'down3');
    await cluster.ok('instance', 'create', 'four', ...tiny, '--nic', 'net3,ip=10.3.0.20');
    const nics = async () => (await cluster.json<Instance>('instance', 'show', 'four')).spec.nics;
    const before = await nics();
    const filter = () => cluster.exec('nft', 'list', 'table', 'bridge', 'gantry');
    for (const state of ['running', 'stopped']) {
      if (state === 'stopped') await cluster.ok('instance', 'stop', 'four', '--force');
      for (const words of [
        ['nic', 'set', 'four:0', '--address', '10.3.0.9'],
        ['nic', 'attach', 'four', '--network', 'net3', '--address', '10.3.0.9'],
      ]) {
        const { code, stderr } = await cluster.gantry(['instance', ...words]);
        expect([words[1], code, stderr]).toEqual([
          words[1],
          5,
          expect.stringMatching(/10\.3\.0\.9 is in use already: 52:54:00:aa:bb:cc answers/),
        ]);
        expect((await nics()).map(({ mac, ipv4 }) => [mac, ipv4])).toEqual(
          before.map(({ mac, ipv4 }) => [mac, ipv4]),
        );
      }
      if (state === 'running') expect(await filter()).toMatch(/ip saddr 10\.3\.0\.20 accept/);
    }
    await cluster.ok('instance', 'start', 'four');
    await cluster.ok('instance', 'nic', 'set', 'four:0', '--address', '10.3.0.9', '--no-address-check');
    expect(await filter()).toMatch(/ip saddr 10\.3\.0\.9 accept/);
    await cluster.ok('instance', 'nic', 'attach', 'four', '--network', 'net3', '--address', '10.3.0.21');
    await cluster.ok('instance', 'delete', 'four', '--yes');
    await foreign('addr', 'flush', 'dev', 'down3', 'scope', 'global');
  });

  test('a name that leads to another address of the network is refused, if the check is not declined', async () => {
    const hosts = '10.3.0.77 web77\n10.3.0.9 web9\n';
    await cluster.exec(
      'sh',
      '-c',
      `cp /etc/hosts ${cluster.dir}/hosts; printf '${hosts}' >> ${cluster.dir}/hosts; chmod 644 ${cluster.dir}/hosts`,
    );
    await cluster.exec('mount', '--bind', `${cluster.dir}/hosts`, '/etc/hosts');
    const { code, stderr } = await cluster.gantry(create('web77'));
    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/web77 resolves to 10\.3\.0\.77, an address of network net3 .*\[name_resolves\]/),
    ]);
    for (const words of [create('web9'), create('web77', '--no-name-check')]) {
      await cluster.ok(...words);
      await cluster.ok('instance', 'delete', words[2] ?? '', '--yes');
    }
    await cluster.exec('umount', '/etc/hosts');
  });
});

/** Another machine behind the uplink `up6`, and what it sees of guests. */
describe('a guest with an IPv6 address', () => {
  const outside = (...argv: string[]) => cluster.exec('ip', 'netns', 'exec', 'outside', ...argv);
  const answers = (address: string) => () =>
    outside('ping', '-6', '-c', '1', '-W', '1', address).then(
      () => true,
      () => false,
    );
  const inside = (user: string, address: string, command: string) =>
    outside(
      ...[
        'ssh',
        '-i',
        cluster.sshKey,
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
      ],
      ...['-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=60', `${user}@${address}`, command],
    );

  beforeAll(async () => {
    await cluster.exec('ip', 'netns', 'add', 'outside');
    const down = ['down6', 'address', '52:54:00:66:66:66', 'netns', 'outside'];
    await cluster.exec('ip', 'link', 'add', 'up6', 'type', 'veth', 'peer', 'name', ...down);
    await cluster.exec('ip', '-n', 'outside', 'addr', 'add', '2001:db8:6::1/64', 'dev', 'down6', 'nodad');
    await cluster.exec('ip', '-n', 'outside', 'link', 'set', 'down6', 'up');
    await cluster.exec('ip', '-n', 'outside', 'addr', 'add', '2001:db8:ffff::1/128', 'dev', 'down6', 'nodad');
    const subnet = ['--subnet6', '2001:db8:6::/64', '--gateway6', '2001:db8:6::1'];
    await cluster.ok('network', 'create', 'net6', '--uplink', 'up6', '--bridge', 'br6', ...subnet);
    await shown('net6', /ready/);
  });
  afterAll(async () => {
    await cluster.ok('network', 'delete', 'net6', '--yes');
    await cluster.exec('ip', 'netns', 'del', 'outside');
  });

  const keys = () => ['--ssh-key', `${cluster.sshKey}.pub`];
  /** Beyond the gateway lies an address of another subnet. */
  const asked = 'ip -6 -o addr show scope global; ip -6 route; ping -6 -c 1 -W 60 2001:db8:ffff::1';

  test('has it from the built-in provider, alone, while it boots and after', async () => {
    const nic = ['--nic', 'net6,ip6=2001:db8:6::aa'];
    await cluster.ok('launch', 'debian/12', 'six', ...nic, ...keys());
    await until('it answers a ping', answers('2001:db8:6::aa'));
    const sign = () =>
      inside('root', '2001:db8:6::aa', 'true').then(
        () => true,
        () => false,
      );
    await until('its ssh answers', sign);
    const told = await inside('root', '2001:db8:6::aa', asked);
    expect(told).toMatch(/eth0 +inet6 2001:db8:6::aa\/64/);
    expect(told).toMatch(/^default via 2001:db8:6::1 dev eth0/m);
    expect(told).toContain(' 0% packet loss');
    await cluster.ok('instance', 'delete', 'six', '--yes');
  });

  test('has it from cloud-init, alone', async () => {
    await cluster.ok('image', 'import', await cloudImage(), '--name', 'cloud', '--format', 'qcow2');
    await cluster.ok('launch', 'cloud', 'seven', '--nic', 'net6,ip6=2001:db8:6::bb', ...keys());
    await until('its ssh answers', () =>
      inside('debian', '2001:db8:6::bb', 'cloud-init status --wait').then(
        (status) => status.includes('status: done'),
        () => false,
      ),
    );
    const told = await inside('debian', '2001:db8:6::bb', 'ip -6 -o addr show scope global; ip -6 route');
    expect(told).toMatch(/eth0 +inet6 2001:db8:6::bb\/64/);
    expect(told).toMatch(/^default via 2001:db8:6::1 dev eth0/m);
    await outside('ping', '-6', '-c', '1', '-W', '60', '-I', '2001:db8:ffff::1', '2001:db8:6::bb');
    await cluster.ok('instance', 'delete', 'seven', '--yes');
    await cluster.ok('image', 'delete', 'cloud', '--yes');
  });
});

test('as the documentation shows it, on nodes that have neither such uplinks nor VLANs', async () => {
  for (const group of ['rack1', 'rack2']) await cluster.ok('group', 'create', group);
  for (const part of [
    examplesOf('docs/networks.md', 'Networks'),
    examplesOf('docs/networks.md', 'Addresses'),
    examplesOf('docs/networks.md', 'On an uplink'),
  ]) {
    for (const command of part.commands) await cluster.ok(...part.take(command));
    expect(part.left()).toEqual([]);
  }
  await shown('net100', /rack1.*rack2/s);
  await shown('net200', /failed\s+.*there is no interface bond0/);
  await shown('net300', /failed\s+.*there is no interface br0/);
  for (const name of ['net100', 'net200', 'net300']) await cluster.ok('network', 'delete', name, '--yes');
  for (const group of ['rack1', 'rack2']) await cluster.ok('group', 'delete', group, '--yes');
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

test('a node without the operator’s bridge says so, and has the network when the bridge is there', async () => {
  await cluster.ok('network', 'create', 'office', '--mode', 'bridge', '--bridge', 'br7');
  await shown('office', /failed .*there is no bridge br7/);
  await cluster.exec('ip', 'link', 'add', 'br7', 'type', 'bridge');
  await cluster.exec('ip', 'link', 'set', 'br7', 'up');
  await shown('office', /ready/);
  await cluster.ok('network', 'delete', 'office', '--yes');
  await until('the network is gone', async () => !(await cluster.ok('network', 'list')).includes('office'));
  expect(await cluster.exec('ip', 'link')).toContain('br7');
});
