/** Imported guests in the rest of the house: two imports at once, quotas, devices, verify, top, drain, backup and restore. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DrainPlan, Finding, Instance, InstanceStats, Operation, Project } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, GANTRY, startCluster } from '../../lab/cluster.ts';
import { foreignXml } from '../../lab/foreign-domain.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { run } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let file: string;
const uuid = (last: number) => `11111111-2222-4333-8444-5555555556${String(last).padStart(2, '0')}`;
const virsh = (...words: string[]) => cluster.exec('virsh', '--quiet', ...words);

/** Defined, started, and set to start when the node boots. */
async function owned(name: string, last: number, devices?: string): Promise<void> {
  const disk = join(cluster.dir, `${name}.img`);
  await writeTinyGuest(disk);
  const path = join(cluster.dir, `${name}.xml`);
  await writeFile(path, foreignXml({ name, uuid: uuid(last), disk, ...(devices ? { devices } : {}) }));
  await virsh('define', path);
  if (devices) return;
  await virsh('autostart', name);
  await virsh('start', name);
}

beforeAll(async () => {
  cluster = await startCluster();
  file = join(cluster.dir, 'monday.tar');
  for (const [index, name] of ['kept', 'released', 'later', 'deleted'].entries()) await owned(name, index);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const imports = (name: string, ...more: string[]) => cluster.ok('instance', 'import', name, ...more);
const state = async (name: string) => (await cluster.json<Instance>('instance', 'show', name)).status.state;
const processes = async () =>
  (await cluster.processes('qemu')).map(({ hostPid, startTicks }) => `${hostPid} ${startTicks}`).sort();
const autostart = async (name: string) => /Autostart: +(\w+)/.exec(await virsh('dominfo', name))?.[1];
const findings = async (about: string) => {
  const { stdout } = await cluster.gantry(['cluster', 'verify', '-o', 'json']);
  return (JSON.parse(stdout) as Finding[]).filter(({ name, message }) =>
    `${name} ${message}`.includes(about),
  );
};

test('of two imports at once one takes it, and the other is told', async () => {
  const attempt = (name: string) => cluster.gantry(['instance', 'import', 'kept', '--name', name]);
  const ended = await Promise.all([attempt('one'), attempt('two')]);
  const [lost] = ended.filter(({ code }) => code !== 0);
  expect(ended.map(({ code }) => code).toSorted()).toEqual([0, 5]);
  expect(lost?.stderr).toMatch(/is instance (one|two) already/);
  const [only] = await cluster.json<Instance[]>('instance', 'list');
  await cluster.ok('instance', 'release', only?.name ?? '', '--yes');
  expect(await autostart('kept')).toBe('enable');
});

test('it counts in the project that it is imported into', async () => {
  await cluster.ok('project', 'create', 'blue', '--quota', 'instances=1,memory=32M');
  await imports('released', '--project', 'blue');
  const { code, stderr } = await cluster.gantry(['instance', 'import', 'kept', '--project', 'blue']);
  expect([code, stderr]).toEqual([6, expect.stringContaining('[quota_exceeded]')]);
  const { status } = await cluster.json<Project>('project', 'show', 'blue');
  expect(status.usage).toMatchObject({ instances: 1, memoryMiB: 32, vcpus: 1 });
  await cluster.ok('instance', 'release', 'released', '--project', 'blue', '--yes');
  const { status: after } = await cluster.json<Project>('project', 'show', 'blue');
  expect(after.usage).toMatchObject({ instances: 0, memoryMiB: 0, vcpus: 0 });
});

test('a device of the node is one guest’s', async () => {
  const device = `<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='0x7f' slot='0x1f' function='0x7'/></source></hostdev>`;
  await owned('card1', 51, device);
  await owned('card2', 52, device);
  await imports('card1');
  const { code, stderr } = await cluster.gantry(['instance', 'import', 'card2']);
  expect([code, stderr]).toEqual([5, expect.stringContaining('PCI device 0000:7f:1f.7 is instance card1’s')]);
  await cluster.ok('instance', 'release', 'card1', '--yes');
  await imports('card2');
  await cluster.ok('instance', 'delete', 'card2', '--yes');
  expect(await virsh('list', '--all', '--name')).not.toContain('card2');
  await virsh('undefine', 'card1');
});

test('verify has nothing to say against it, top shows it, a drain says what it would mean', async () => {
  for (const name of ['kept', 'released', 'deleted']) await imports(name);
  for (const name of ['kept', 'released', 'deleted']) expect(await findings(name)).toEqual([]);
  const readings = JSON.parse(await cluster.ok('top', '--count', '1', '-o', 'json')) as InstanceStats[];
  const mine = readings.find(({ name }) => name === 'kept');
  expect(mine).toMatchObject({ cpu: { vcpus: 1 }, memory: { maximumBytes: 32 * 2 ** 20 } });
  const drain = await cluster.json<DrainPlan>('node', 'drain', 'node1', '--plan');
  expect(drain.steps).toContainEqual(
    expect.objectContaining({ name: 'kept', way: 'blocked', why: expect.stringContaining('imported') }),
  );
  const { code, stdout, stderr } = await cluster.gantry([
    'node',
    'evacuate',
    'node1',
    '--allow-stop',
    '--yes',
  ]);
  expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('imported')]);
  await cluster.ok('node', 'undrain', 'node1');
  expect([await state('kept'), await autostart('kept')]).toEqual(['running', 'disable']);
});

test('restored, what was imported since runs on and is told of, and so is what was given back', async () => {
  const local = (verb: string, ...words: string[]) =>
    run(cluster.enter([GANTRY, 'cluster', verb, ...words, '--state', cluster.state]), { env: cluster.env });
  expect(await local('backup', file)).toMatchObject({ code: 0 });
  await cluster.ok('instance', 'release', 'released', '--yes');
  await cluster.ok('instance', 'stop', 'deleted', '--force');
  await cluster.ok('instance', 'delete', 'deleted', '--yes');
  await imports('later');
  const before = await processes();
  expect(before).toHaveLength(3);

  const restored = await local('restore', file, '--yes');
  expect(restored.code, restored.stderr).toBe(0);
  await until('those that are there are known', async () => (await state('kept')) === 'running');
  expect(await processes()).toEqual(before);
  const told = await until('what does not agree is told', async () => {
    const found = [...(await findings('later')), ...(await findings('released'))];
    return found.length >= 2 ? found : undefined;
  });
  expect(told).toContainEqual(
    expect.objectContaining({ remedy: expect.stringContaining('gantry instance import later --node node1') }),
  );
  expect(told).toContainEqual(
    expect.objectContaining({ remedy: expect.stringContaining('gantry instance release released') }),
  );
});

test('each remedy works: taken again, forgotten, deleted; nothing was stopped for it', async () => {
  const before = await processes();
  await imports('later', '--node', 'node1');
  expect(await state('later')).toBe('running');
  await cluster.ok('instance', 'release', 'released', '--yes');
  expect(await autostart('released')).toBe('enable');
  await until('it is let go', async () => (await state('deleted')) === 'stopped');
  const start = await cluster.json<Operation>('instance', 'start', 'deleted', '--deadline', '3s', '--detach');
  const failed = await until('its start fails', async () => {
    const { status } = await cluster.json<Operation>('op', 'show', String(start.spec.number));
    return status.endedAt === undefined ? undefined : status;
  });
  expect(failed.state).toBe('failed');
  await cluster.ok('instance', 'delete', 'deleted', '--yes');
  for (const name of ['kept', 'later']) {
    await cluster.ok('instance', 'release', name, '--yes');
    expect(await autostart(name)).toBe('enable');
  }
  expect(await cluster.json<Instance[]>('instance', 'list')).toEqual([]);
  expect(await processes()).toEqual(before);
});
