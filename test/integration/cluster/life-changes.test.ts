/** Suspended, made anew, rescued, copied: what an instance goes through in its years, on a real cluster. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance, InstanceDiff, Operation } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { writeCd } from '../../lab/cd-image.ts';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { tinyGuestImage, writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

/** It is deleted again at the end of the test, however that ends. */
const create = (name: string, ...more: string[]) => {
  onTestFinished(async () => {
    await cluster.gantry(['instance', 'delete', name, '--yes']);
  });
  const size = ['--vcpus', '1', '--memory', '32M', '--disk', '64M'];
  return cluster.ok('instance', 'create', name, '--image', 'tiny', ...size, ...more);
};
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const stateOf = async (name: string) => (await show(name)).status.state;
const reaches = (name: string, state: Instance['status']['state']) =>
  until(`${name} is ${state}`, async () => (await stateOf(name)) === state);
const virsh = async (name: string, ...words: string[]) =>
  (await cluster.exec('virsh', ...words.slice(0, 1), (await show(name)).id, ...words.slice(1))).trim();
const reasonOf = (name: string) => virsh(name, 'domstate', '--reason');

/** How often the tiny guest came up: it says `>` then, and goes on silently where it was suspended. */
const boots = async (name: string) => (await cluster.ok('logs', name)).split('>').length - 1;
const isUp = (name: string, times = 1) => until(`${name} is up`, async () => (await boots(name)) === times);

describe('suspend', () => {
  test('its memory outlives controller, agent, libvirt and the machine, and it goes on', async () => {
    await create('sleeper');
    await isUp('sleeper');
    await cluster.ok('instance', 'suspend', 'sleeper');
    expect(await stateOf('sleeper')).toBe('suspended');
    expect(await cluster.ok('instance', 'show', 'sleeper')).toMatch(/^state +suspended: its memory lies on/m);
    expect(await cluster.processes('qemu')).toEqual([]);

    await cluster.kill9('agent', 'server', 'libvirtd');
    await cluster.start();
    await reaches('sleeper', 'suspended');
    await cluster.powerCut();
    await cluster.boot();
    await cluster.start();
    await reaches('sleeper', 'suspended');
    for (const verb of ['suspend', 'stop', 'reboot', 'pause'])
      expect(await cluster.gantry(['instance', verb, 'sleeper'])).toMatchObject({
        code: 5,
        stderr: expect.stringContaining('[wrong_state]'),
      });
    expect(await cluster.ok('instance', 'start', 'sleeper', '--plan')).toMatch(/keeps the hardware/);

    await cluster.ok('instance', 'start', 'sleeper');
    expect(await stateOf('sleeper')).toBe('running');
    expect(await reasonOf('sleeper')).toBe('running (restored)');
    await cluster.gantry(['console', 'sleeper'], { input: 'x' });
    await until('it answers', async () => (await cluster.ok('logs', 'sleeper')).includes('x'));
    expect(await boots('sleeper')).toBe(1);
    expect(await virsh('sleeper', 'dominfo')).toMatch(/Managed save: +no/);
  });

  test('--discard-saved boots it anew; deleting one removes what was saved', async () => {
    await create('napper');
    await isUp('napper');
    await cluster.ok('instance', 'suspend', 'napper');
    await cluster.ok('instance', 'start', 'napper', '--discard-saved');
    expect(await reasonOf('napper')).toBe('running (booted)');
    await isUp('napper', 2);
    await cluster.ok('instance', 'suspend', 'napper');
    const saved = async () => (await cluster.exec('ls', '/var/lib/libvirt/qemu/save')).trim();
    expect(await saved()).toMatch(/^napper-[0-9a-f]{8}\.save$/m);
    await cluster.ok('instance', 'delete', 'napper', '--yes');
    expect(await saved()).not.toMatch(/napper/);
  });

  test('where its memory does not fit it runs on, and the operation says so', async () => {
    await create('full', '--memory', '256M');
    await isUp('full');
    const folder = '/var/lib/libvirt/qemu/save';
    await cluster.exec('mount', '-t', 'tmpfs', '-o', 'size=64k', 'small', folder);
    const refused = await cluster.gantry(['instance', 'suspend', 'full']);
    await cluster.exec('umount', folder);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('[suspend_failed]') });
    await reaches('full', 'running');
    await cluster.gantry(['console', 'full'], { input: 'y' });
    await until('it answers', async () => (await cluster.ok('logs', 'full')).includes('y'));
    expect(await boots('full')).toBe(1);
    const { spec } = await show('full');
    expect(spec.power).toBe('running');
    await cluster.ok('instance', 'suspend', 'full');
    expect(await stateOf('full')).toBe('suspended');
    const operations = await cluster.json<{ items?: Operation[] } | Operation[]>('op', 'list');
    expect(JSON.stringify(operations)).toContain('instance.suspend');
  });
});

test('what is typed while its QEMU stands still it has when that goes on', async () => {
  await create('still');
  await isUp('still');
  const { id } = await show('still');
  const qemu = (await cluster.processes('qemu')).find(({ commandLine }) => commandLine.includes(id));
  await cluster.exec('kill', '-STOP', String(qemu?.pid));
  const { code, stderr } = await cluster.gantry(['console', 'still'], { input: 'x' });
  await cluster.exec('kill', '-CONT', String(qemu?.pid));
  expect(code, stderr).toBe(0);
  await until('it answers', async () => (await cluster.ok('logs', 'still')).includes('x'));
});

const firstDisk = async (name: string) => (await show(name)).spec.disks[0];
/** Bytes of its first disk as a guest would read them. */
async function fileOf(id: string | undefined): Promise<string> {
  const found = await cluster.exec('find', cluster.state, '-name', `*${id}*`, '-type', 'f');
  return found.trim();
}

describe('reinstall', () => {
  test('the disk is made anew, the rest stays, and what was on it is gone', async () => {
    await create('again');
    await isUp('again');
    const before = await show('again');
    const oldFile = await fileOf(before.spec.disks[0]);
    expect(oldFile).not.toBe('');
    const refused = await cluster.gantry(['instance', 'reinstall', 'again', '--yes']);
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('[stop_first]') });
    expect(await cluster.ok('instance', 'reinstall', 'again', '--stop', '--plan')).toMatch(
      /stop instance again\n.*again:0 anew: its content is lost\nfrom image tiny\ngive up its UEFI variables.*\nstart instance again/,
    );
    await cluster.ok('instance', 'reinstall', 'again', '--stop', '--yes');
    const after = await show('again');
    expect(after.status.state).toBe('running');
    expect(after.spec.nics).toEqual(before.spec.nics);
    expect(after.spec.disks).not.toEqual(before.spec.disks);
    expect(await fileOf(before.spec.disks[0])).toBe('');
    await isUp('again', 2);
  });

  test('it is the way out where the disk is gone, and the agent is killed meanwhile', async () => {
    await create('bereft');
    await isUp('bereft');
    await cluster.ok('instance', 'stop', 'bereft', '--force');
    const lost = await firstDisk('bereft');
    await cluster.exec('rm', await fileOf(lost));
    await until('its start is refused', async () => {
      const { stderr } = await cluster.gantry(['instance', 'start', 'bereft']);
      return stderr.includes('[disk_gone]');
    });
    const reinstalled = cluster.gantry(['instance', 'reinstall', 'bereft', '--yes']);
    await cluster.kill9('agent', 'server');
    await cluster.start();
    await reinstalled;
    await until('it is reinstalled', async () => {
      if ((await firstDisk('bereft')) !== lost) return true;
      await cluster.gantry(['instance', 'reinstall', 'bereft', '--yes']);
      return false;
    });
    await until('it starts', async () => (await cluster.gantry(['instance', 'start', 'bereft'])).code === 0);
    await isUp('bereft', 2);
  });
});

describe('rescue', () => {
  test('it boots from another disk with its own behind it, and back', async () => {
    await create('patient');
    await isUp('patient');
    const before = await show('patient');
    await cluster.ok('instance', 'rescue', 'patient');
    const during = await show('patient');
    expect(during.spec.rescue?.disk).toBeDefined();
    expect(await cluster.ok('instance', 'show', 'patient')).toMatch(/^state +running: in rescue/m);
    const blocks = await virsh('patient', 'domblklist');
    expect(blocks).toMatch(
      new RegExp(`vda .*${during.spec.rescue?.disk}.*\\n.*vdb .*${before.spec.disks[0]}`),
    );
    expect(await cluster.gantry(['instance', 'suspend', 'patient'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('[in_rescue]'),
    });
    await isUp('patient', 2);
    await cluster.kill9('agent', 'server', 'libvirtd');
    await cluster.start();
    await reaches('patient', 'running');
    await cluster.ok('instance', 'unrescue', 'patient');
    const after = await show('patient');
    expect(after.spec).toEqual(before.spec);
    expect(after.status.state).toBe('running');
    expect(await virsh('patient', 'domblklist')).not.toContain(String(during.spec.rescue?.disk));
    expect(await fileOf(during.spec.rescue?.disk)).toBe('');
    await isUp('patient', 3);
  });

  test.each<[string, string, string[], RegExp]>([
    ['usb', 'a disk on USB', ['--property', 'hw_rescue_bus=usb'], /^ *sda +/m],
    ['scsi', 'a disk on SCSI', ['--property', 'hw_rescue_bus=scsi'], /^ *sda +/m],
    ['iso', 'a CD', [], /^ *hda +/m],
  ])('%s: %s behind its own disk, which keeps its place', async (name, _, properties, place) => {
    const file = join(cluster.dir, name === 'iso' ? 'rescue.iso' : `${name}.raw`);
    if (name === 'iso') await writeCd(file, 'RESCUE', 'tools', 'R');
    else await writeFile(file, tinyGuestImage('R'));
    await cluster.ok('image', 'import', file, `rescue-${name}`, ...properties);
    await create('patient');
    await isUp('patient');
    const before = await show('patient');
    await cluster.ok('instance', 'rescue', 'patient', '--image', `rescue-${name}`);
    const disk = String((await show('patient')).spec.rescue?.disk);
    const blocks = await virsh('patient', 'domblklist');
    expect(blocks).toMatch(new RegExp(`vda .*${before.spec.disks[0]}`));
    expect(blocks.split('\n').find((line) => line.includes(disk))).toMatch(place);
    await until('it boots the rescue disk', async () => (await cluster.ok('logs', 'patient')).endsWith('>R'));
    expect(await cluster.json<InstanceDiff>('instance', 'diff', 'patient')).toMatchObject({
      compared: 'running',
      differences: [],
    });
    await cluster.ok('instance', 'unrescue', 'patient');
    expect((await show('patient')).spec).toEqual(before.spec);
    expect(await fileOf(disk)).toBe('');
    await until('it boots its own', async () => (await cluster.ok('logs', 'patient')).endsWith('>R>'));
  });

  test('as the documentation shows it', async () => {
    const examples = examplesOf('docs/life-changes.md', 'Rescue');
    const files = {
      'rescue.raw': join(cluster.dir, 'documented.raw'),
      'tools.iso': join(cluster.dir, 'documented.iso'),
    };
    await writeFile(files['rescue.raw'], tinyGuestImage('R'));
    await writeCd(files['tools.iso'], 'TOOLS', 'tools', 'R');
    await create('web1');
    await isUp('web1');
    for (const command of examples.commands) await cluster.ok(...examples.take(command, files));
    expect(examples.left()).toEqual([]);
    expect((await show('web1')).spec.rescue?.disk).toBeDefined();
    await cluster.ok('instance', 'unrescue', 'web1');
  });
});
