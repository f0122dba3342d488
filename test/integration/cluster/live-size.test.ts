/** CPUs and memory of guests that run: given, taken, refused by the guest, and what waits for the next start. */
import { join } from 'node:path';
import type { Instance, InstanceChanged, InstanceDiff, Operation } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let address: string;

beforeAll(async () => {
  cluster = await startCluster();
  const room = ['--max-vcpus', '3', '--max-memory', '1G'];
  await cluster.ok('flavor', 'create', 'roomy', '--vcpus', '1', '--memory', '512M', '--disk', '2G', ...room);
  const guest = ['--flavor', 'roomy', '--ssh-key', `${cluster.sshKey}.pub`, '--until', 'ssh'];
  await cluster.ok('instance', 'create', 'web1', '--image', 'debian/12', ...guest);
  address = (await show()).spec.nics[0]?.ipv4 ?? '';
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const show = (name = 'web1') => cluster.json<Instance>('instance', 'show', name);
const set = (...words: string[]) => cluster.gantry(['instance', 'set', ...words]);
const changes = async (...words: string[]) => {
  const { code, stdout, stderr } = await set(...words, '-o', 'json');
  if (code !== 0) throw new Error(`${words.join(' ')}: ${code} ${stderr}`);
  return (JSON.parse(stdout) as InstanceChanged).changes.map(({ setting, applies, why }) => [
    setting,
    applies,
    why,
  ]);
};
const inGuest = async (command: string) => {
  const { code, stdout, stderr } = await cluster.ssh(address, command);
  if (code !== 0) throw new Error(`${command}: ${code} ${stderr}`);
  return stdout.trim();
};
/** Those that are plugged in, and the memory that its kernel has, MiB. */
const cpus = async () => Number(await inGuest('ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l'));
const memoryMiB = async () => Number(await inGuest("awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo"));
const tinyDisk = async () => {
  const disk = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(disk);
  return disk;
};
const diff = (name = 'web1') => cluster.json<InstanceDiff>('instance', 'diff', name);

test('as the documentation shows it', async () => {
  const examples = examplesOf('docs/instance-life.md', 'Size and settings');
  const ready = ['--ssh-key', `${cluster.sshKey}.pub`, '--until', 'ssh'];
  await cluster.ok(...examples.take('instance create', { web1: 'db1' }), ...ready);
  const balloon = 'ls -d /sys/bus/virtio/drivers/virtio_balloon/virtio*';
  const db1 = (await show('db1')).spec.nics[0]?.ipv4 ?? '';
  await until('its balloon driver', async () => (await cluster.ssh(db1, balloon)).code === 0);
  await cluster.ok(...examples.take('instance set', { web1: 'db1' }));
  expect(examples.left()).toEqual([]);
  expect((await diff('db1')).differences).toEqual([]);
  await cluster.ok('instance', 'delete', 'db1', '--yes');
});

test('it starts with what it is to have, and its balloon gives the rest back', async () => {
  expect(await cpus()).toBe(1);
  await until('the balloon', async () => (await memoryMiB()) < 512);
  expect(await diff()).toMatchObject({ compared: 'running', differences: [] });
});

test('CPUs are plugged into the running guest', async () => {
  await until('its agent', async () => (await cluster.gantry(['instance', 'ping', 'web1'])).code === 0);
  expect(await changes('web1', '--vcpus', '3')).toEqual([
    ['vcpus', 'now', expect.stringContaining('up to the 3')],
  ]);
  await until('three CPUs', async () => (await cpus()) === 3);
  // the guest agent of the image brings them online
  await until('three CPUs that run', async () => (await inGuest('nproc')) === '3');
  expect(await diff()).toMatchObject({ differences: [] });
});

test('memory is given and taken while it runs', async () => {
  const before = await memoryMiB();
  expect(await changes('web1', '--memory', '896M')).toEqual([
    ['memory', 'now', expect.stringContaining('up to the 1 GiB')],
  ]);
  await until('more memory', async () => (await memoryMiB()) > before + 300);
  expect(await diff()).toMatchObject({ differences: [] });
});

test('an agent that dies in the middle finds what is to be done', async () => {
  const before = await memoryMiB();
  await cluster.ok('instance', 'set', 'web1', '--memory', '512M', '--detach');
  await cluster.kill9('agent');
  await cluster.start();
  await until('its size', async () => (await memoryMiB()) < before - 300);
  await until('the end', async () => (await show()).status.operation === undefined);
  const items = await cluster.json<Operation[]>('op', 'list');
  expect(items.find(({ spec }) => spec.kind === 'instance.set')?.status.state).toBe('succeeded');
});

test('beyond its room it waits for the next start, and says why', async () => {
  const [vcpus, memory] = await changes('web1', '--vcpus', '4', '--memory', '2G');
  expect(vcpus).toEqual(['vcpus', 'next-start', expect.stringContaining('room for 3')]);
  expect(memory).toEqual(['memory', 'next-start', expect.stringContaining('1 GiB')]);
  const waiting = (await diff()).differences.map(({ path, applies }) => [path, applies]);
  expect(waiting).toContainEqual(['/domain/vcpu', 'next-start']);
  expect(waiting).toContainEqual(['/domain/memory', 'next-start']);
  await changes('web1', '--vcpus', '3', '--memory', '512M');
  expect(await diff()).toMatchObject({ differences: [] });
});

test('a guest without balloon driver keeps its memory: told, not waited for', async () => {
  await cluster.ok('image', 'import', await tinyDisk(), 'tiny');
  const size = ['--vcpus', '1', '--memory', '64M', '--disk', '1M'];
  await cluster.ok('instance', 'create', 'tiny1', '--image', 'tiny', ...size);
  const { code, stderr } = await set('tiny1', '--memory', '32M');
  expect([code, stderr]).toEqual([1, expect.stringContaining('guest tiny1 keeps 64 MiB')]);
  expect(stderr).toContain('[guest_kept]');
  expect(await cluster.ok('instance', 'show', 'tiny1')).toMatch(
    /^memory +32 MiB \(the running guest has 64 MiB\)/m,
  );
  expect(await diff('tiny1')).toMatchObject({
    differences: [{ path: '/domain/memory', applies: 'next-start' }],
  });
  await cluster.ok('instance', 'stop', 'tiny1', '--force');
  await cluster.ok('instance', 'start', 'tiny1');
  expect(await diff('tiny1')).toMatchObject({ differences: [] });
});

test('an emulated guest gives no CPU up while it runs, and is not asked to', async () => {
  await cluster.ok('image', 'import', await tinyDisk(), 'tiny2');
  const size = ['--vcpus', '3', '--max-vcpus', '4', '--memory', '64M', '--disk', '1M'];
  await cluster.ok('instance', 'create', 'tiny2', '--image', 'tiny2', ...size);
  await until('where its sizes come from', async () => {
    const shown = await cluster.ok('instance', 'show', 'tiny2');
    return shown.includes('instance (vcpus, maxVcpus)') && shown.includes('instance (memoryMiB)');
  });
  expect(await changes('tiny2', '--vcpus', '2')).toEqual([
    ['vcpus', 'next-start', expect.stringContaining('without KVM')],
  ]);
  const { differences } = await diff('tiny2');
  expect(differences.map(({ path, applies }) => [path, applies])).toEqual([
    ['/domain/vcpu/@current', 'next-start'],
  ]);
  await changes('tiny2', '--vcpus', '3');
  expect(await diff('tiny2')).toMatchObject({ differences: [] });
  expect(await changes('tiny2', '--vcpus', '4')).toMatchObject([['vcpus', 'now', expect.any(String)]]);
  expect(await cluster.ok('instance', 'resize', 'tiny2', '--vcpus', '1', '--plan')).toMatch(
    /stop it, and start it with the new size/,
  );
  await cluster.ok('instance', 'resize', 'tiny2', '--vcpus', '1', '--no-revert');
  expect(await diff('tiny2')).toMatchObject({ compared: 'running', differences: [] });
  expect((await show('tiny2')).status).toMatchObject({ state: 'running' });
});

test('a resize stops and starts it, and is taken back or confirmed', async () => {
  await cluster.ok('instance', 'resize', 'tiny1', '--memory', '96M', '--max-memory', '128M');
  expect((await show('tiny1')).spec.resize?.from).toMatchObject({ memoryMiB: 32 });
  expect(await cluster.ok('instance', 'show', 'tiny1')).toMatch(
    /^resize +from 1 vCPU, 32 MiB .*--confirm \| --revert$/m,
  );
  expect(await diff('tiny1')).toMatchObject({ compared: 'running', differences: [] });
  const again = await cluster.gantry(['instance', 'resize', 'tiny1', '--memory', '64M']);
  expect([again.code, again.stderr]).toEqual([5, expect.stringContaining('[resize_pending]')]);
  await cluster.ok('instance', 'resize', 'tiny1', '--revert');
  expect((await show('tiny1')).spec).toMatchObject({ memoryMiB: 32 });
  expect(await diff('tiny1')).toMatchObject({ compared: 'running', differences: [] });
  await cluster.ok('instance', 'resize', 'tiny1', '--memory', '48M', '--detach');
  await cluster.kill9('agent', 'server');
  await cluster.start();
  await until('the end', async () => (await show('tiny1')).status.operation === undefined);
  await cluster.ok('instance', 'resize', 'tiny1', '--confirm');
  const { spec, status } = await show('tiny1');
  expect([spec.memoryMiB, spec.resize, status.state]).toEqual([48, undefined, 'running']);
  expect(await diff('tiny1')).toMatchObject({ differences: [] });
});
