/** NICs that come, go and change while a real guest runs: what the guest sees, what its filter lets out. */
import type { Instance, Network, Nic } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let address: string;

beforeAll(async () => {
  cluster = await startCluster();
  const second = ['network', 'create', 'second', '--mode', 'nat', '--subnet', '10.77.0.0/24'];
  await cluster.ok(...second, '--gateway', '10.77.0.1', '--pool', '10.77.0.10-10.77.0.50');
  await cluster.ok('launch', 'debian/12', 'web1', '--until', 'ssh', '--ssh-key', `${cluster.sshKey}.pub`);
  address = (await nics())[0]?.ipv4 ?? '';
});
afterAll(() => cluster.stop());

const nics = async (): Promise<Nic[]> => (await cluster.json<Instance>('instance', 'show', 'web1')).spec.nics;
const inside = async (command: string): Promise<string> => {
  const { code, stdout, stderr } = await cluster.ssh(address, command);
  expect(code, `${command}: ${stderr}`).toBe(0);
  return stdout.trim();
};
/** The guest's name of the NIC with that MAC. */
const deviceOf = (mac: string) => `$(grep -il ${mac} /sys/class/net/*/address | cut -d/ -f5)`;
/** Where its hardware is from: as its node tells it, after it has changed. */
const shows = (pattern: RegExp) =>
  until(`${pattern}`, async () => pattern.test(await cluster.ok('instance', 'show', 'web1')));
const table = () => cluster.exec('nft', 'list', 'table', 'bridge', 'gantry');

test('attached, it appears in the running guest, with a filter, and pings once it has its address', async () => {
  const wanted = ['--network', 'second', '--address', '10.77.0.20'];
  await cluster.ok('instance', 'nic', 'attach', 'web1', ...wanted);
  const [, nic] = await nics();
  expect(nic).toMatchObject({ ipv4: '10.77.0.20', slot: 1 });
  const mac = nic?.mac ?? '';
  await until('the NIC in the guest', async () => {
    const { stdout } = await cluster.ssh(address, 'cat /sys/class/net/*/address');
    return stdout.includes(mac);
  });
  expect(await table()).toContain(mac);
  await inside(`ip address add 10.77.0.20/24 dev ${deviceOf(mac)} && ip link set ${deviceOf(mac)} up`);
  await until('it answers', () => cluster.exec('ping', '-c', '1', '-W', '5', '10.77.0.20'));
  expect(await cluster.ok('instance', 'diff', 'web1')).toContain('is as its settings');
  await shows(/devices\/interface\[.*instance \(nics\[1\]\)/);
});

test('an address that it was not given does not leave', async () => {
  const mac = (await nics())[1]?.mac ?? '';
  await inside(`ip address add 10.77.0.99/24 dev ${deviceOf(mac)}`);
  const code = await cluster.exec('ping', '-c', '1', '-W', '2', '10.77.0.99').catch(() => 'lost');
  expect(code).toBe('lost');
});

test('its cable is pulled and put back while it runs', async () => {
  await cluster.ok('instance', 'nic', 'set', 'web1:1', '--link', 'down');
  const mac = (await nics())[1]?.mac ?? '';
  await until(
    'no carrier',
    async () => (await inside(`cat /sys/class/net/${deviceOf(mac)}/carrier`)) === '0',
  );
  await cluster.ok('instance', 'nic', 'set', 'web1:1', '--link', 'up');
  await until('carrier', async () => (await inside(`cat /sys/class/net/${deviceOf(mac)}/carrier`)) === '1');
});

test('another model: at its next start, or at once by being plugged in again', async () => {
  const e1000 = '0x8086:0x100e';
  const devices = () =>
    inside('for d in /sys/bus/pci/devices/*; do echo $(cat $d/vendor):$(cat $d/device); done');
  const set = (...flags: string[]) => cluster.ok('instance', 'nic', 'set', 'web1:1', ...flags);
  expect(await set('--model', 'e1000', '--plan')).toContain('at the next start of its guest');
  await set('--model', 'e1000');
  expect(await devices()).not.toContain(e1000);
  expect(await cluster.ok('instance', 'diff', 'web1')).toMatch(/model.*e1000/);
  await set('--link', 'up');
  await set('--model', 'e1000', '--replug');
  await until('the other model in the guest', async () => (await devices()).includes(e1000));
  expect(await cluster.ok('instance', 'diff', 'web1')).toContain('is as its settings');
  await shows(/e1000 .*instance \(nics\[1\]\.model\)/);
  await set('--model', 'image', '--replug');
  expect(await devices()).not.toContain(e1000);
  expect((await nics()).map(({ model }) => model)).toEqual([undefined, undefined]);
  const mac = (await nics())[1]?.mac ?? '';
  await until('the NIC in the guest', async () =>
    (await cluster.ssh(address, 'cat /sys/class/net/*/address')).stdout.includes(mac),
  );
});

test('moved to another network it hangs on that bridge, with a new address, and the old one is free', async () => {
  await cluster.ok('instance', 'nic', 'set', 'web1:1', '--network', 'default', '--address', 'pool');
  const [first, moved] = await nics();
  expect(moved?.network).toBe(first?.network);
  const { spec } = await cluster.json<Network>('network', 'show', 'default');
  const taps = await cluster.exec('ip', '-o', 'link', 'show', 'master', spec.bridge ?? '');
  expect(taps.trim().split('\n')).toHaveLength(2);
  const again = ['--network', 'second', '--address', '10.77.0.20', '--link', 'down'];
  await cluster.ok('instance', 'nic', 'attach', 'web1', ...again);
  await cluster.ok('instance', 'nic', 'detach', 'web1:2');
});

test('detached, it is gone from the guest, its filter and its address with it', async () => {
  const [, nic] = await nics();
  await cluster.ok('instance', 'nic', 'detach', 'web1:1');
  expect(await inside('cat /sys/class/net/*/address')).not.toContain(nic?.mac);
  expect(await nics()).toHaveLength(1);
  await until('its filter goes', async () => !(await table()).includes(nic?.mac ?? '?'));
  const wanted = ['--network', 'default', '--address', nic?.ipv4 ?? '', '--plan'];
  expect(await cluster.ok('instance', 'nic', 'attach', 'web1', ...wanted)).toContain(nic?.ipv4);
});

test.each(['docs/instance-life.md', 'docs/networks.md'])('as %s shows it', async (page) => {
  const examples = page.endsWith('networks.md')
    ? examplesOf('docs/networks.md', 'NICs')
    : examplesOf('docs/instance-life.md', 'NICs');
  for (const command of examples.commands) {
    const stopped = command.startsWith('instance create') ? ['--stopped'] : [];
    await cluster.ok(...examples.take(command, { net100: 'second', net200: 'default' }), ...stopped);
  }
  expect(examples.left()).toEqual([]);
  expect((await nics()).map(({ slot, model }) => [slot ?? 0, model])).toEqual([[0, undefined]]);
  await cluster.gantry(['instance', 'delete', 'web2', '--yes']);
});

test('what cannot be is refused before anything happens', async () => {
  const attach = (...wanted: string[]) => cluster.gantry(['instance', 'nic', 'attach', 'web1', ...wanted]);
  expect((await attach('--network', 'nowhere')).stderr).toContain('[not_found]');
  expect((await attach('--network', 'default', '--address', address)).stderr).toContain('[address_taken]');
  expect((await attach('--network', 'second', '--address', '10.1.1.1')).stderr).toContain(
    '[address_outside]',
  );
  expect((await cluster.gantry(['instance', 'nic', 'detach', 'web1:7'])).stderr).toContain('[not_found]');
  expect(await nics()).toHaveLength(1);
});
