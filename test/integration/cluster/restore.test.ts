/** A backup of the store restored over a cluster that went on: with a real libvirt, on tiny guests. */
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding, Instance } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, GANTRY, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { run } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let file: string;
const examples = examplesOf('docs/backup.md');
/** On the machine itself: what it starts belongs into the namespaces. */
const example = (start: string, ...more: string[]) => {
  const words = examples.take(start, { '/root/gantry-monday.tar': file });
  return run(cluster.enter([GANTRY, ...words, ...more, '--state', cluster.state]), { env: cluster.env });
};

beforeAll(async () => {
  cluster = await startCluster();
  file = join(cluster.dir, 'monday.tar');
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
  for (const name of ['runs', 'stopped-since', 'deleted-since']) await create(name);
  await create('down', '--stopped');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const size = ['--vcpus', '1', '--memory', '32M', '--disk', '1M'];
const create = (name: string, ...more: string[]) =>
  cluster.ok('instance', 'create', name, '--image', 'tiny', ...size, ...more);
const local = (verb: string, ...words: string[]) =>
  run(cluster.enter([GANTRY, 'cluster', verb, ...words, '--state', cluster.state]), { env: cluster.env });
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const states = async () => {
  const all = await cluster.json<Instance[]>('instance', 'list');
  return Object.fromEntries(all.map(({ name, status }) => [name, status.state]));
};
/** Each QEMU with its start: the same process, not one like it. */
const processes = async () =>
  (await cluster.processes('qemu')).map(({ hostPid, startTicks }) => `${hostPid} ${startTicks}`).sort();
const restore = async () => {
  const { code, stdout, stderr } = await example(
    'cluster restore /root/gantry-monday.tar',
    '--yes',
    '-o',
    'json',
  );
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ done: 'cluster.restore', file, instances: 4 });
  expect(examples.left()).toEqual([]);
};
const settled = () =>
  until('every instance is known', async () => !Object.values(await states()).includes('unknown'));

test('it is taken while the cluster works, and not over another file', async () => {
  const taken = await example('cluster backup', '-o', 'json');
  expect(taken, taken.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('with 4 instances') });
  expect(JSON.parse(taken.stdout)).toMatchObject({ done: 'cluster.backup', file, instances: 4 });
  expect(await cluster.exec('stat', '-c', '%a', file)).toBe('600\n');
  expect(await local('backup', file)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[name_taken]'),
  });
});

test('a plan checks it and changes nothing', async () => {
  const known = () => readdir(cluster.state, { recursive: true });
  const pids = async () => (await cluster.processes('server')).map(({ hostPid }) => hostPid);
  const before = [await pids(), (await known()).filter((name) => name.includes('before-'))];
  const { code, stdout, stderr } = await example('cluster restore /root/gantry-monday.tar --plan');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/put the store of cluster e2e as it was at .*\n[\s\S]*hold its 4 instances/);
  expect([await pids(), (await known()).filter((name) => name.includes('before-'))]).toEqual(before);
  expect(existsSync(join(cluster.state, 'init.restore'))).toBe(false);
});

test('restored, it starts nothing twice, stops nothing and deletes nothing', async () => {
  await cluster.ok('instance', 'stop', 'stopped-since', '--force');
  await cluster.ok('instance', 'delete', 'deleted-since', '--yes');
  await create('made-since');
  await cluster.ok('instance', 'start', 'down');
  const before = await processes();
  expect(before).toHaveLength(3);
  const settings = join(cluster.state, 'cluster.json');
  const halfDestroyed = { ...JSON.parse(await readFile(settings, 'utf8')), destroying: true };
  await writeFile(settings, JSON.stringify(halfDestroyed));

  await restore();
  expect(JSON.parse(await readFile(settings, 'utf8'))).not.toHaveProperty('destroying');
  await settled();
  expect(await processes()).toEqual(before);
  expect(await states()).toEqual({
    runs: 'running',
    down: 'running',
    'stopped-since': 'stopped',
    'deleted-since': 'stopped',
  });
  expect(await cluster.ok('event', 'list')).toMatch(
    /stopped-since was found stopped after the restore and stays down/,
  );
});

test('what the old store does not know is told and left alone, what is gone is not made', async () => {
  const { stdout } = await cluster.gantry(['cluster', 'verify', '-o', 'json']);
  const findings = JSON.parse(stdout) as Finding[];
  const told = findings.map(({ check, message }) => `${check}: ${message}`).join('\n');
  expect(told).toMatch(/domains: the domain made-since-\S+ bears this cluster’s mark/);
  expect(told).toMatch(/disks: \S+ is a disk of this cluster that nothing here knows of/);
  expect(told).toMatch(/disks: the disk \S+ was whole and is gone/);
  const start = await cluster.gantry(['instance', 'start', 'deleted-since', '--deadline', '20s']);
  expect(start).toMatchObject({ code: 1, stderr: expect.stringContaining('is gone') });
  await cluster.ok('instance', 'delete', 'deleted-since', '--yes');
});

test('it is a cluster like any other afterwards', async () => {
  await cluster.ok('instance', 'start', 'stopped-since');
  await cluster.ok('instance', 'stop', 'runs', '--force');
  await cluster.ok('instance', 'start', 'runs');
  await create('new');
  expect(await states()).toMatchObject({ runs: 'running', 'stopped-since': 'running', new: 'running' });
});

test('the same backup again, on a machine that lost the store', async () => {
  await cluster.kill9('server');
  await rm(join(cluster.state, 'controller'), { recursive: true });
  await rm(join(cluster.state, 'cluster.json'));
  const before = await processes();
  await restore();
  await settled();
  expect(await processes()).toEqual(before);
  expect((await show('runs')).status.state).toBe('running');
});

test('what is no backup changes nothing', async () => {
  const bad = join(cluster.dir, 'bad.tar');
  await writeFile(bad, 'nothing');
  const before = await states();
  expect(await local('restore', bad, '--yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('[bad_backup]'),
  });
  expect(await states()).toEqual(before);
});
