/** CD drives, the order in which firmware boots, and a start from elsewhere, as real guests and real firmware take them. */
import { join } from 'node:path';
import type { Instance } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { writeCd } from '../../lab/cd-image.ts';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { watchPxe } from '../../lab/dhcp-seen.ts';
import { examplesOf } from '../../lab/examples.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

const examples = examplesOf('docs/cds-and-boot.md');
let cluster: Cluster;

/** The tiny guest says `>` when it comes from a disk, `C` when it comes from the CD. */
beforeAll(async () => {
  cluster = await startCluster();
  const file = (name: string) => join(cluster.dir, name);
  await writeTinyGuest(file('tiny.raw'));
  await writeCd(file('setup.iso'), 'SETUP', 'from the setup CD', 'C');
  await writeCd(file('drivers.iso'), 'DRIVERS', 'from the driver CD');
  await cluster.ok('image', 'import', file('tiny.raw'), 'tiny');
  await cluster.ok('image', 'import', file('setup.iso'));
  await cluster.ok('image', 'import', file('drivers.iso'));
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

/** It is deleted again at the end of the test, however that ends. */
const create = (name: string, ...more: string[]) => {
  onTestFinished(async () => {
    await cluster.gantry(['instance', 'delete', name, '--yes']);
  });
  return cluster.ok(
    ...['instance', 'create', name, '--vcpus', '1', '--memory', '64M', '--disk', '64M', ...more],
  );
};
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
/** All that its guests said since it was made. */
const said = (name: string) => cluster.ok('logs', name);
const says = (name: string, text: string) =>
  until(`${name} says ${text}`, async () => (await said(name)) === text);
const xmlOf = async (name: string) => cluster.exec('virsh', 'dumpxml', (await show(name)).id);
const orders = async (name: string) =>
  [...(await xmlOf(name)).matchAll(/<target dev='(\w+)'|<boot order='(\d)'/g)].map(
    ([, device, order]) => device ?? order,
  );
const press = (name: string, key: string) => cluster.gantry(['console', name], { input: key });
const domains = async () => (await cluster.processes('qemu')).map(({ hostPid }) => hostPid);

describe('an instance from the image of a CD', () => {
  test('boots the CD beside its empty disk; its image stays as long as it lies there', async () => {
    await create('fresh', '--image', 'setup');
    await says('fresh', 'C');
    expect(await orders('fresh')).toEqual([
      'vda',
      '1',
      expect.stringMatching(/^hd/),
      '2',
      expect.any(String),
    ]);
    expect(await cluster.ok('instance', 'show', 'fresh')).toMatch(/^ +0 +- +setup +closed$/m);
    expect(await cluster.gantry(['image', 'delete', 'setup', '--yes'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('fresh'),
    });
    expect(await cluster.gantry(['instance', 'cd', 'insert', 'fresh', 'drivers'])).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/holds setup.*\[cd_occupied\]/s),
    });
    await cluster.ok('instance', 'cd', 'eject', 'fresh');
    expect(await xmlOf('fresh')).not.toContain('.raw');
    await cluster.ok('instance', 'cd', 'insert', 'fresh', 'setup');
    await cluster.ok('instance', 'cd', 'insert', 'fresh', 'setup');
    expect(await cluster.ok('instance', 'diff', 'fresh')).toContain('is as its settings');
    await cluster.ok('instance', 'reset', 'fresh');
    await says('fresh', 'CC');
  });
});

describe('with a disk and a CD that both can be booted', () => {
  test('the disk comes first; another order holds from the next start on', async () => {
    await create('order', '--image', 'tiny', '--cdrom', 'setup');
    await says('order', '>');
    expect(await cluster.ok('instance', 'set', 'order', '--boot', 'cd,disk')).toMatch(
      /bootOrder +- +cd, disk +at next start/,
    );
    expect(await cluster.gantry(['instance', 'diff', 'order'])).toMatchObject({
      stdout: expect.stringContaining('next-start'),
    });
    await cluster.ok('instance', 'stop', 'order');
    await cluster.ok('instance', 'start', 'order');
    await says('order', '>C');
    await cluster.ok('instance', 'set', 'order', '--boot', 'default');
    await cluster.ok('instance', 'stop', 'order');
    await cluster.ok('instance', 'start', 'order');
    await says('order', '>C>');
    expect(await cluster.gantry(['instance', 'set', 'order', '--boot', 'cd3'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('it has disk0, cd0'),
    });
  });

  test('once from the CD, then from the disk: whoever reboots, and however often the agent dies', async () => {
    await create('once', '--image', 'tiny', '--cdrom', 'setup', '--stopped');
    const before = await domains();
    await cluster.ok('instance', 'start', 'once', '--boot-once', 'cd');
    await says('once', 'C');
    expect(await cluster.ok('instance', 'show', 'once')).toMatch(/^state +running/m);
    const first = (await domains()).filter((pid) => !before.includes(pid));
    await press('once', 'r');
    await says('once', 'Cr>');
    expect(await domains()).not.toEqual(expect.arrayContaining(first));
    expect(await cluster.ok('instance', 'show', 'once')).not.toMatch(/^restarts/m);

    await cluster.ok('instance', 'reboot', 'once', '--boot-once', 'cd');
    await says('once', 'Cr>C');
    await cluster.kill9('agent');
    await press('once', 'r').catch(() => undefined);
    await cluster.exec('virsh', 'reset', (await show('once')).id).catch(() => undefined);
    await cluster.start();
    await until('it boots the disk', async () => (await said('once')).endsWith('>'));
    expect((await said('once')).split('C')).toHaveLength(3);
  });

  test.each([
    ['before it is told', () => Promise.resolve(true)],
    ['when QEMU is there', async (name: string) => (await show(name)).status.state !== 'stopped'],
    ['when the guest runs', async (name: string) => (await said(name)).includes('C')],
  ])('once, although the agent is killed %s', async (_, isDue) => {
    await create('killed', '--image', 'tiny', '--cdrom', 'setup', '--stopped');
    await cluster.ok('instance', 'start', 'killed', '--boot-once', 'cd', '--detach');
    await until('the moment', () => isDue('killed'), { everyMs: 10 });
    await cluster.kill9('agent');
    await cluster.start();
    await says('killed', 'C');
    await until('it is done', async () => (await show('killed')).status.operation === undefined);
    await press('killed', 'r');
    await says('killed', 'Cr>');
  });
});

describe('from the network', () => {
  test('its firmware asks for an address, finds nothing to boot, and goes on to the disk', async () => {
    await create('pxe', '--image', 'tiny', '--boot', 'network,disk', '--stopped');
    const { spec } = await show('pxe');
    const [network] = await cluster.json<{ spec: { bridge: string } }[]>('network', 'list');
    const watch = await watchPxe(
      (argv) => cluster.enter(argv),
      network?.spec.bridge ?? '',
      spec.nics[0]?.mac ?? '',
    );
    onTestFinished(watch.stop);
    await cluster.ok('instance', 'start', 'pxe');
    await watch.seen;
    await says('pxe', '>');
    await cluster.ok('instance', 'set', 'pxe', '--boot', 'default');
    const again = await watchPxe(
      (argv) => cluster.enter(argv),
      network?.spec.bridge ?? '',
      spec.nics[0]?.mac ?? '',
    );
    onTestFinished(again.stop);
    await cluster.ok('instance', 'reboot', 'pxe', '--boot-once', 'network');
    await again.seen;
    expect(await xmlOf('pxe')).toMatch(/<interface[\s\S]*<boot order='1'\/>[\s\S]*<\/interface>/);
  });
});

test('as the documentation shows it', async () => {
  onTestFinished(async () => {
    await cluster.gantry(['instance', 'delete', 'web1', 'web2', '--yes']);
    await cluster.gantry(['image', 'delete', 'debian-12-netinst', '--yes']);
  });
  const iso = join(cluster.dir, 'debian-12-netinst.iso');
  await writeCd(iso, 'NETINST', 'from the installer', 'C');
  const replaced = { 'debian-12-netinst.iso': iso, 'virtio-win': 'drivers', small: 'tiny' };
  for (const command of examples.commands) {
    const stopped = command.startsWith('instance create web2') ? ['--stopped'] : [];
    // the CD lies in the drive of the new instance: out with it, before it is inserted
    if (command.startsWith('instance cd insert')) await cluster.ok('instance', 'cd', 'eject', 'web1');
    if (command.startsWith('instance start')) await cluster.ok('instance', 'stop', 'web1', '--force');
    await cluster.ok(...examples.take(command, replaced), ...stopped);
  }
  expect(examples.left()).toEqual([]);
  expect((await show('web1')).spec).toMatchObject({ cds: [{ slot: 0 }] });
});

describe('a Linux guest', () => {
  test('reads what is inserted, keeps its tray locked while it is mounted, and lets it go', async () => {
    onTestFinished(async () => {
      await cluster.gantry(['instance', 'delete', 'web1', '--yes']);
    });
    const launch = ['launch', 'debian/12', 'web1', '--cdrom', 'empty', '--until', 'ssh'];
    const launched = await cluster.gantry([...launch, '--ssh-key', `${cluster.sshKey}.pub`], {
      limitMs: 600_000,
    });
    expect(launched.code, launched.stderr).toBe(0);
    const address = (await show('web1')).spec.nics[0]?.ipv4 ?? '';
    const inside = async (command: string) => {
      const { code, stdout, stderr } = await cluster.ssh(address, command);
      expect(code, `${command}: ${stderr}`).toBe(0);
      return stdout.trim();
    };
    // else udev opens the tray when the guest is asked to, also of a CD that is mounted; it may not have begun yet
    await inside('ln -s /dev/null /etc/udev/rules.d/60-cdrom_id.rules; udevadm control --reload || true');
    await cluster.ok('instance', 'cd', 'insert', 'web1', 'drivers');
    // nobody loads a module by hand: ssh answers before udev has seen all devices
    await until('the drive', async () => (await cluster.ssh(address, 'test -b /dev/sr0')).code === 0);
    await inside('mount -o ro /dev/sr0 /mnt');
    expect(await inside('cat /mnt/content')).toBe('from the driver CD');

    const locked = await cluster.gantry(['instance', 'cd', 'eject', 'web1']);
    expect(locked).toMatchObject({ code: 1, stderr: expect.stringContaining('[tray_locked]') });
    expect(await cluster.ok('instance', 'show', 'web1')).toMatch(/^ +0 +- +drivers +closed$/m);
    expect(await inside('cat /mnt/content')).toBe('from the driver CD');

    await inside('umount /mnt');
    await cluster.ok('instance', 'cd', 'eject', 'web1');
    expect(await cluster.ok('instance', 'show', 'web1')).toMatch(/^ +0 +- +empty/m);
    expect((await cluster.ssh(address, 'mount -o ro /dev/sr0 /mnt')).code).not.toBe(0);
    await cluster.ok('instance', 'cd', 'insert', 'web1', 'setup');
    expect(await inside('mount -o ro /dev/sr0 /mnt && cat /mnt/content')).toBe('from the setup CD');
    await cluster.ok('instance', 'cd', 'eject', 'web1', '--force');
    expect(await cluster.ok('instance', 'show', 'web1')).toMatch(/^ +0 +- +empty/m);

    await cluster.ok('instance', 'cd', 'attach', 'web1', 'drivers', '--bus', 'scsi');
    await until('the second drive', async () => (await cluster.ssh(address, 'test -b /dev/sr1')).code === 0);
    expect(await inside('umount -l /mnt; mount -o ro /dev/sr1 /mnt && cat /mnt/content')).toBe(
      'from the driver CD',
    );
    await inside('umount /mnt');
    await cluster.ok('instance', 'cd', 'detach', 'web1:1');
    expect((await show('web1')).spec.cds).toEqual([{ slot: 0 }]);
  }, 1_200_000);
});
