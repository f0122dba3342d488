/** What an operator does with guests that are there: under a real libvirt, on tiny guests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Instance, InstanceChanged, InstanceDiff } from '@gantry/model';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Cluster, GANTRY, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
  const size = ['--vcpus', '1', '--memory', '32M', '--disk', '64M'];
  await cluster.ok('instance', 'create', 'web1', '--image', 'tiny', ...size);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const set = (...words: string[]) => cluster.json<InstanceChanged>('instance', 'set', 'web1', ...words);
const show = () => cluster.json<Instance>('instance', 'show', 'web1');
const diff = () => cluster.json<InstanceDiff>('instance', 'diff', 'web1');
const qemu = async () => (await cluster.processes('qemu'))[0];
const virsh = async (...words: string[]) => (await cluster.exec('virsh', '--quiet', ...words)).trim();
const sizes = async () => {
  const xml = await virsh('dumpxml', (await show()).id);
  return [/<memory unit='KiB'>(\d+)/.exec(xml)?.[1], /<vcpu[^>]*>(\d+)/.exec(xml)?.[1]];
};

test('a size that is set waits for the next start, and a crash does not count as one', async () => {
  const { changes } = await set('--memory', '48M', '--vcpus', '2');
  expect(changes.map(({ setting, applies }) => [setting, applies])).toEqual([
    ['vcpus', 'next-start'],
    ['memory', 'next-start'],
  ]);
  expect((await diff()).differences.map(({ path, applies }) => [path, applies])).toEqual([
    ['/domain/memory', 'next-start'],
    ['/domain/vcpu', 'next-start'],
    ['/domain/cpu/topology/@sockets', 'next-start'],
  ]);
  const before = await qemu();
  process.kill(before?.hostPid ?? 0, 'SIGKILL');
  await until('it is started again', async () => {
    const now = await qemu();
    return now !== undefined && now.startTicks !== before?.startTicks;
  });
  await until('it is seen to run', async () => (await show()).status.state === 'running');
  expect(await sizes()).toEqual([String(32 * 1024), '1']);
  await cluster.ok('instance', 'stop', 'web1', '--force');
  await cluster.ok('instance', 'start', 'web1');
  expect(await sizes()).toEqual([String(48 * 1024), '2']);
  expect((await diff()).differences).toEqual([]);
});

test('a restart policy holds for the guest that runs', async () => {
  await set('--on-crash', 'stop');
  // Its node has the policy when it has done what was asked for later.
  await cluster.ok('instance', 'pause', 'web1');
  await cluster.ok('instance', 'resume', 'web1');
  process.kill((await qemu())?.hostPid ?? 0, 'SIGKILL');
  await until('it stays down', async () => (await show()).status.state === 'crashed');
  await set('--unset', 'onCrash');
  await cluster.ok('instance', 'start', 'web1');
});

test('protected it is not deleted, and what its node has not got it does not get', async () => {
  await set('--protect', 'yes');
  const refused = await cluster.gantry(['instance', 'delete', 'web1', '--yes']);
  expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('[protected]') });
  await set('--protect', 'no');
  const large = await cluster.gantry(['instance', 'set', 'web1', '--memory', '100T']);
  expect(large).toMatchObject({ code: 6, stderr: expect.stringContaining('[cannot_grow]') });
});

test('renamed, the domain takes the name at the next start, and the guest keeps its id and disk', async () => {
  const { id } = await show();
  await cluster.ok('instance', 'stop', 'web1', '--force');
  await cluster.ok('instance', 'rename', 'web1', 'www1');
  expect(await virsh('domname', id)).toMatch(/^web1-/);
  await cluster.ok('instance', 'start', 'www1');
  expect(await virsh('domname', id)).toBe(`www1-${id.slice(0, 8)}`);
  expect((await qemu())?.commandLine).toContain(`guest=www1-${id.slice(0, 8)}`);
  await cluster.ok('instance', 'stop', 'www1', '--force');
  await cluster.ok('instance', 'rename', 'www1', 'web1');
  await cluster.ok('instance', 'start', 'web1');
  expect((await diff()).differences).toEqual([]);
});

test('locked nothing of it changes, and whoever tries is told why', async () => {
  await cluster.ok('instance', 'lock', 'web1', '--reason', 'under audit');
  const refused = await cluster.gantry(['instance', 'stop', 'web1']);
  expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('under audit') });
  expect(await cluster.ok('instance', 'show', 'web1')).toMatch(/^locked +by \S+ since .*: under audit$/m);
  await cluster.ok('instance', 'unlock', 'web1');
});

test('several people at one console see the same', async () => {
  const input = 'a';
  // each listens for the second after its input: a guest that is slower answers nobody
  await until('an answer that both see', async () => {
    const both = await Promise.all([1, 2].map(() => cluster.gantry(['console', 'web1'], { input })));
    for (const { code, stderr } of both) expect(code, stderr).toBe(0);
    return both.every(({ stdout }) => stdout.includes('a'));
  });
});

test('its display on a port of this machine', async () => {
  const door = spawn(GANTRY, ['console', 'web1', '--vnc'], {
    env: cluster.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void door.kill('SIGKILL'));
  const ended = once(door, 'exit');
  const [url] = (await once(door.stdout, 'data')) as [Buffer];
  const viewer = connect(Number(new URL(String(url).trim()).port), '127.0.0.1');
  expect(String((await once(viewer, 'data'))[0])).toBe('RFB 003.008\n');
  viewer.destroy();
  door.kill('SIGINT');
  expect((await ended)[0]).toBe(0);
  await cluster.ok('instance', 'stop', 'web1', '--force');
  expect(await cluster.gantry(['console', 'web1', '--vnc'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[wrong_state]'),
  });
  await cluster.ok('instance', 'start', 'web1');
});

test('top shows who uses most', async () => {
  const shown = await cluster.ok('top', '--count', '2', '--every', '1s');
  expect(shown).toMatch(/1 running on 1 node {3}cpu [0-9.]+ % on \d+ vCPUs/);
  expect(shown).toMatch(/^web1 /m);
});

test('keys reach its keyboard: its firmware starts it anew, in the same QEMU', async () => {
  const size = ['--vcpus', '1', '--memory', '32M', '--disk', '64M'];
  await cluster.ok('instance', 'create', 'keys', '--image', 'tiny', ...size);
  const ups = async () => (await cluster.ok('logs', 'keys')).split('>').length - 1;
  await until('it is up', async () => (await ups()) === 1);
  await cluster.ok('instance', 'send-key', 'keys', 'ctrl+alt+delete');
  await until('it is up again', async () => (await ups()) === 2);
  const { status } = await cluster.json<Instance>('instance', 'show', 'keys');
  expect(status.state).toBe('running');
  const unknown = await cluster.gantry(['instance', 'send-key', 'keys', 'ctrl+delet']);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean delete?') });
});

test('a screenshot shows what it shows', async () => {
  const file = join(cluster.dir, 'web1.png');
  const take = async () => {
    await cluster.ok('instance', 'screenshot', 'web1', '--out', file);
    return readFile(file);
  };
  // a black screen would be much smaller: its firmware wrote something
  const png = await until('the firmware’s words', async () => {
    const taken = await take();
    return taken.length > 1500 && taken;
  });
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([720, 400]);
});
