/** Instances copied: of stopped ones and of such that run on, with all that is theirs alone made anew. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance, Operation } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
});
/** What a test that failed has left would be in the way of the next. */
afterEach(async () => {
  const left = (await cluster.ok('instance', 'list', '-o', 'name')).split('\n').filter(Boolean);
  if (left.length > 0) await cluster.ok('instance', 'delete', ...left, '--yes');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const tiny = (name: string, ...more: string[]) =>
  cluster.ok(
    ...['instance', 'create', name, '--image', 'tiny', '--vcpus', '1', '--memory', '32M'],
    ...(more.includes('--disk') ? more : ['--disk', '64M', ...more]),
  );
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const boots = async (name: string) => (await cluster.ok('logs', name)).split('>').length - 1;
const isUp = (name: string, times = 1) => until(`${name} is up`, async () => (await boots(name)) === times);
const operation = (number: number) => cluster.json<Operation>('op', 'show', String(number));
const latest = async () => (await cluster.json<Operation[]>('op', 'list'))[0] as Operation;
async function ended({ spec }: Operation): Promise<Operation> {
  const over = async () => (await operation(spec.number)).status.endedAt !== undefined;
  await until('the end', over);
  return operation(spec.number);
}

const storage = () => join(cluster.state, 'agent', 'storage');
async function filesOf(name: string): Promise<string[]> {
  const { spec } = await show(name);
  const names = await readdir(storage(), { recursive: true });
  return spec.disks.map((id) => join(storage(), names.find((each) => each.includes(`disks/${id}`)) ?? ''));
}
const infoOf = async (path: string) =>
  JSON.parse(await cluster.exec('qemu-img', 'info', '-U', '--output=json', path)) as Record<string, unknown>;
const write = async (path: string, pattern: number) => {
  const format = path.endsWith('.raw') ? 'raw' : 'qcow2';
  await cluster.exec('qemu-io', '-f', format, '-c', `write -P ${pattern} 20M 8M`, path);
};
/** Content as a guest reads it, whatever the formats. */
const same = async (one: string | undefined, other: string | undefined): Promise<string> => {
  const args = [one, other].map((path) => path ?? '/nowhere');
  return cluster.exec('qemu-img', 'compare', '-U', ...args);
};

describe('of an instance that is down', () => {
  test.each(['file-qcow2', 'file-raw'])(
    '%s: the same content, thin as before, and both live on',
    async (template) => {
      await tiny('one', '--disk', `64M,template=${template}`, '--disk', '32M', '--stopped');
      const [first, second] = await filesOf('one');
      await write(first ?? '', 7);
      await write(second ?? '', 8);
      expect(await cluster.ok('instance', 'clone', 'one', 'two', '--plan')).toMatch(
        /^clone instance one as two: .*\non node \S+, .*\ncopy its 2 disks: .*, of a guest that is down\nnic 0: .*\nit is told the host name two; cloud-init, where .*\nstart it/,
      );
      await cluster.ok('instance', 'clone', 'one', 'two', '--stopped');
      const copies = await filesOf('two');
      expect(await same(first, copies[0])).toContain('identical');
      expect(await same(second, copies[1])).toContain('identical');
      const [before, after] = await Promise.all([infoOf(first ?? ''), infoOf(copies[0] ?? '')]);
      expect(after['backing-filename']).toBe(before['backing-filename']);
      expect(Number(after['actual-size'])).toBeLessThan(Number(before['actual-size']) + 2 ** 20);
      const [one, two] = [await show('one'), await show('two')];
      expect(two.spec.nics[0]?.mac).not.toBe(one.spec.nics[0]?.mac);
      expect(two.spec.nics[0]?.ipv4).not.toBe(one.spec.nics[0]?.ipv4);
      expect(two.spec.personality.hostname).toBe('two');
      expect(await cluster.ok('instance', 'show', 'two')).toMatch(/^clone of +one at .*, which was down$/m);
      await cluster.ok('instance', 'delete', 'one', '--yes');
      await cluster.ok('instance', 'start', 'two');
      await isUp('two');
    },
  );
});

describe('of an instance that runs', () => {
  test('it wants a choice; a stop is undone; a copy in the middle is whole', async () => {
    await tiny('one', '--disk', '64M', '--disk', '32M');
    await isUp('one');
    const refused = await cluster.gantry(['instance', 'clone', 'one', 'two']);
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('[clone_needs_choice]') });
    const both = await cluster.gantry(['instance', 'clone', 'one', 'two', '--stop', '--quiesce']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude each other') });
    const mute = await cluster.gantry(['instance', 'clone', 'one', 'two', '--quiesce']);
    expect(mute).toMatchObject({ code: 1, stderr: expect.stringContaining('[guest_agent]') });
    expect((await cluster.ok('instance', 'list', '-o', 'name')).trim()).toBe('one');

    await cluster.ok('instance', 'clone', 'one', 'two', '--crash-consistent');
    expect(await boots('one')).toBe(1);
    await isUp('two');
    const [files, copies] = [await filesOf('one'), await filesOf('two')];
    for (const [index, file] of files.entries())
      expect(await same(file, copies[index])).toContain('identical');
    expect(await infoOf(copies[0] ?? '')).not.toHaveProperty('backing-filename');

    await cluster.ok('instance', 'clone', 'one', 'three', '--stop', '--grace', '2s');
    await isUp('one', 2);
    await isUp('three');
  });
});

test('as the documentation shows it', async () => {
  const examples = examplesOf('docs/cloning.md');
  await tiny('web1', '--stopped');
  expect(await cluster.ok(...examples.take('instance clone web1 web2 --plan'))).toMatch(
    /of a guest that is down/,
  );
  await cluster.ok(...examples.take('instance clone web1 web2 --stopped'));
  await cluster.ok('instance', 'start', 'web1');
  await isUp('web1');
  await cluster.ok(...examples.take('instance clone web1 web3'));
  await cluster.ok(...examples.take('instance clone web1 web4'), '--grace', '2s');
  expect(examples.left()).toEqual([]);
  expect((await cluster.ok('instance', 'list', '-o', 'name')).trim().split('\n').sort()).toEqual([
    ...['web1', 'web2', 'web3', 'web4'],
  ]);
  expect((await show('web4')).labels).toEqual({ copy: 'yes' });
});

/** The moments of a copy at which its agent dies: QEMU stands still, so that nothing of it ends before. */
describe('when the agent is killed', () => {
  const records = () => join(cluster.state, 'agent', 'copies');
  const signal = async (name: string, which: string) => {
    const { id } = await show(name);
    const qemu = (await cluster.processes('qemu')).find(({ commandLine }) => commandLine.includes(id));
    await cluster.exec('kill', `-${which}`, String(qemu?.pid));
  };

  test('QEMU’s copy is ended and made anew', async () => {
    await tiny('one');
    await isUp('one');
    await signal('one', 'STOP');
    await cluster.ok('instance', 'clone', 'one', 'two', '--crash-consistent', '--detach');
    const copying = async () => (await readdir(records()).catch(() => [])).length > 0;
    await until('the copy', copying, { everyMs: 20 });
    await cluster.kill9('agent');
    await signal('one', 'CONT');
    await cluster.start();
    expect((await ended(await latest())).status.state).toBe('succeeded');
    expect(await readdir(records())).toEqual([]);
    await isUp('two');
    expect(await boots('one')).toBe(1);
    expect(await same((await filesOf('one'))[0], (await filesOf('two'))[0])).toContain('identical');
  });
});

describe('of a guest with a system', () => {
  const ssh = async (name: string, command: string) => {
    const { spec } = await show(name);
    const { code, stdout, stderr } = await cluster.ssh(spec.nics[0]?.ipv4 ?? '', command);
    if (code !== 0) throw new Error(`${command}: ${code} ${stderr}`);
    return stdout.trim();
  };
  const identity =
    'hostname; cat /etc/machine-id; cat /etc/ssh/ssh_host_*_key.pub; cat /etc/ssh/ssh_host_ed25519_key';

  test('its file systems are frozen for one moment of all its disks; the clone is nobody else', async () => {
    const size = ['--disk', '2G', '--disk', '64M', '--ssh-key', `${cluster.sshKey}.pub`];
    await cluster.ok('launch', 'debian/12', 'web', ...size, '--until', 'ssh');
    await until('its agent', async () => (await cluster.gantry(['instance', 'ping', 'web'])).code === 0);
    await ssh('web', 'mkfs.ext4 -q /dev/vdb && mkdir -p /data && mount /dev/vdb /data');
    // first on one disk, then on the other: no moment has more on the second than on the first
    const count = 'n=0; while n=$((n+1)); do echo $n >>/root/count; echo $n >>/data/count; sleep 0.02; done';
    const begun = 'until [ -s /data/count ]; do sleep 0.1; done';
    await ssh('web', `echo written >/root/before; sync; nohup sh -c '${count}' >/dev/null 2>&1 & ${begun}`);
    await cluster.ok('instance', 'clone', 'web', 'twin', '--quiesce', '--until', 'ssh', '--deadline', '10m');
    const copied = await ssh(
      'twin',
      'mkdir -p /data; mount /dev/vdb /data; tail -n 1 /root/count /data/count | grep "^[0-9]"',
    );
    const [first, second] = copied.split('\n').map(Number) as [number, number];
    expect(second).toBeGreaterThan(0);
    expect([0, 1]).toContain(first - second);
    expect(await ssh('twin', 'cat /root/before')).toBe('written');
    // it runs on, and is not frozen
    expect(Number(await ssh('web', 'sync; tail -n 1 /root/count'))).toBeGreaterThan(first);
    const [web, twin] = await Promise.all(['web', 'twin'].map((name) => ssh(name, identity)));
    const [lines, others] = [web?.split('\n') ?? [], twin?.split('\n') ?? []];
    expect([lines[0], others[0]]).toEqual(['web', 'twin']);
    expect(
      others.filter((line) => line.length > 16 && !line.startsWith('-----') && lines.includes(line)),
    ).toEqual(others.filter((line) => /^b3BlbnNzaC1rZXktdjEAAAA/.test(line) && lines.includes(line)));
    expect(await cluster.ok('op', 'show', String((await latest()).spec.number))).toMatch(
      /file systems of web were frozen at .*, and are thawed/,
    );
  });
});
