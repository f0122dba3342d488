/** kill -9 of the real processes at moments of create and delete: whatever was asked for ends right, and nothing is left. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance, Node, Operation } from '@gantry/model';
import { operationEnded } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, type Part, startCluster } from '../../lab/cluster.ts';
import { type Inventory, inventory } from '../../lab/inventory.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import type { Ran } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let before: Inventory;

beforeAll(async () => {
  cluster = await startCluster();
  const file = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(file);
  await cluster.ok('image', 'import', file, 'tiny', '--format', 'raw');
  // Once without a crash: afterwards base and bridge are there, and each run passes through the same moments.
  await cluster.ok('instance', 'create', 'first', ...tiny);
  await cluster.ok('instance', 'delete', 'first', '--yes');
  before = await inventory(cluster);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const tiny = ['--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '64M'];
const long = process.env['GANTRY_TEST_LONG'] === '1';

/** From the start of the command; create and delete are done after some 0.6 s on a quiet machine. */
const delaysMs = long ? [80, 110, 150, 200, 250, 300, 400, 500, 650, 800] : [110, 180, 280, 450];
const victims: Part[][] = [
  ['agent'],
  ['server'],
  ['agent', 'server'],
  ['libvirtd'],
  ['libvirtd', 'agent', 'server'],
];

const cases = victims.flatMap((parts) =>
  delaysMs.map((delayMs) => ({ parts: parts.join(', '), killed: parts, delayMs })),
);

describe.each(cases)('kill -9 of $parts after $delayMs ms', ({ killed, delayMs }) => {
  const name = `k-${killed.join('-')}-${delayMs}`;

  afterEach(({ task }) => {
    if (task.result?.state === 'fail') return cluster.logs().then((logs) => console.error(logs));
    return undefined;
  });

  test('create ends with a running guest, or as if it had not been asked for', async () => {
    const { code, stderr } = await killedMeanwhile(['instance', 'create', name, ...tiny]);
    await everythingEnded();
    const there = await instanceOf(name);
    if (code === 0) expect(there, stderr).toBeDefined();
    else expect(stderr).toMatch(refused[code] ?? 'another end');
    if (there) {
      await running(name);
      expect((await inventory(cluster)).domains).toEqual([`${name}-${there.id.slice(0, 8)}`]);
      expect(await cluster.processes('qemu')).toHaveLength(1);
    } else await expect.poll(() => inventory(cluster)).toEqual(before);
  });

  test('delete leaves nothing', async () => {
    if (!(await instanceOf(name))) {
      await nodeReady();
      await cluster.ok('instance', 'create', name, ...tiny);
    }
    const { code, stderr } = await killedMeanwhile(['instance', 'delete', name, '--yes']);
    await everythingEnded();
    if (code !== 0) {
      expect([code, stderr]).toEqual([8, expect.stringContaining('[api_unreachable]')]);
      // It was not heard: then all of it is still there and goes on.
      if (await instanceOf(name)) {
        await running(name);
        await cluster.ok('instance', 'delete', name, '--yes');
      }
    }
    await until('the end of all that was made', async () => {
      expect(await inventory(cluster)).toEqual(before);
      return true;
    });
  });

  async function killedMeanwhile(args: string[]): Promise<Ran> {
    const asked = cluster.gantry(args);
    const restarted = sleep(delayMs)
      .then(() => cluster.kill9(...killed))
      .then(() => cluster.start());
    const [ran] = await Promise.all([asked, restarted]);
    return ran;
  }
});

/** By exit code: nobody heard it, or who heard it first had no word yet of an agent that has found its libvirt. */
const refused: Readonly<Record<number, RegExp>> = {
  6: /\[no_capacity\]\n.*1 not ready: /,
  8: /\[api_unreachable\]/,
};

const instanceOf = async (name: string): Promise<Instance | undefined> => {
  const all = await cluster.json<Instance[]>('instance', 'list');
  return all.find((instance) => instance.name === name);
};

/** Both the judgement of the cluster and that of libvirt. */
const running = (name: string) =>
  until(`${name} runs`, async () => {
    const instance = await instanceOf(name);
    if (instance?.status.state !== 'running') return false;
    return (await cluster.exec('virsh', 'domstate', instance.id)).trim() === 'running';
  });

const everythingEnded = () =>
  until('the end of every operation', async () => {
    const operations = await cluster.json<Operation[]>('op', 'list');
    return operations.every(({ status }) => operationEnded(status.state));
  });

/** After a libvirt that was killed the agent reconnects by itself; until then nothing is placed. */
const nodeReady = () =>
  until(
    'the node is ready',
    async () => (await cluster.json<Node>('node', 'show', 'node1')).status.state === 'ready',
  );

test('kill -9 of everything but QEMU: the guest runs on, and a new start adopts it', async () => {
  const create = ['launch', 'debian/12', 'keep', '--until', 'ssh', '--ssh-key', `${cluster.sshKey}.pub`];
  await nodeReady();
  await cluster.ok(...create);
  const address = (await instanceOf('keep'))?.spec.nics[0]?.ipv4 ?? '';
  const bootOfGuest = async () => (await cluster.ssh(address, 'cat /proc/sys/kernel/random/boot_id')).stdout;
  const [ran, qemu, boot] = [await instanceOf('keep'), await cluster.processes('qemu'), await bootOfGuest()];
  expect(boot).toMatch(/^[0-9a-f-]{36}\n$/);
  expect(qemu).toHaveLength(1);

  await cluster.kill9('agent', 'server', 'libvirtd', 'dnsmasq');
  expect(await bootOfGuest()).toBe(boot);
  await cluster.start();

  await running('keep');
  await until('DHCP is back', async () => (await cluster.processes('dnsmasq')).length === 1);
  expect(await cluster.processes('qemu')).toEqual(qemu);
  expect(await bootOfGuest()).toBe(boot);
  const adopted = await instanceOf('keep');
  expect(adopted?.status.timeline).toEqual(ran?.status.timeline);
  expect(adopted?.status.epoch).toEqual(ran?.status.epoch);
  expect(await cluster.ok('instance', 'show', 'keep')).not.toMatch(/^restarts/m);

  // It obeys as before.
  await cluster.ok('instance', 'stop', 'keep', '--grace', '40s');
  expect(await cluster.ok('instance', 'show', 'keep')).toMatch(/^state +stopped/m);
  await cluster.ok('instance', 'delete', 'keep', '--yes');
  await expect.poll(() => inventory(cluster)).toEqual(before);
});
