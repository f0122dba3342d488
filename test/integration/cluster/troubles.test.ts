/** What keeps guests from running is noticed from outside, and said with its remedy; real guests show each. */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { PAUSE, talkingGuestImage } from '../../lab/talking-guest.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

/** As a guest that stalled printed them, up to the stall. */
const stalling = `[    0.000000] Linux version 4.20.10 (gcc version 8.2.1) #1 SMP
[   12.220574] audit: type=1130 audit(1555723526.895:78): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='unit=systemd-machine-id-commit comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'
${PAUSE}[   12.248050] audit: type=1130 audit(1555723526.906:79): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='unit=systemd-journal-catalog-update comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'
`;
const texts = {
  stuck: stalling,
  late: `${stalling}${PAUSE.repeat(4)}[ 1061.103725] random: crng init done
[ 1061.108094] random: 7 urandom warning(s) missed due to ratelimiting
[ 1063.306231] IPv6: ADDRCONF(NETDEV_UP): eth0: link is not ready
`,
  panicked: `[    1.502312] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)
[    1.503000] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0
`,
  emergency: `[FAILED] Failed to mount data.mount - /data.
You are in emergency mode. After logging in, type "journalctl -xb" to view
system logs, "systemctl reboot" to reboot, or "exit" to continue bootup.
Give root password for maintenance
(or press Control-D to continue): `,
  healthy: `[    0.000000] Linux version 6.1.0
[    2.100000] random: crng init done
Debian GNU/Linux 12 healthy ttyS0

healthy login: `,
};

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const file = (name: string) => join(cluster.dir, `${name}.raw`);
  for (const [name, text] of Object.entries(texts)) await writeFile(file(name), talkingGuestImage(text));
  await writeFile(file('empty'), '');
  await truncate(file('empty'), 2 ** 20);
  await writeTinyGuest(file('tiny'));
  for (const name of [...Object.keys(texts), 'empty', 'tiny'])
    await cluster.ok('image', 'import', file(name), name);
  for (const action of ['reset', 'poweroff', 'pause', 'none', 'disabled'])
    await cluster.ok('flavor', 'create', action, '--vcpus', '1', '--memory', '32M', '--watchdog', action);
  // They wait for their silence while the others are tested.
  await Promise.all(['stuck', 'empty', 'healthy'].map((name) => create(name, name)));
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const create = (name: string, image: string, ...more: string[]) => {
  const size = more.includes('--flavor') ? [] : ['--vcpus', '1', '--memory', '32M'];
  return cluster.ok('instance', 'create', name, '--image', image, ...size, '--disk', '1M', ...more);
};
const temporary = async (name: string, image: string, ...more: string[]) => {
  onTestFinished(async () => {
    await cluster.gantry(['instance', 'delete', name, '--yes']);
  });
  await create(name, image, ...more);
};
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const shown = (name: string) => cluster.ok('instance', 'show', name);
const troubleOf = async (name: string) => {
  const [first] = (await show(name)).status.conditions;
  return first && { type: first.type, status: first.status, reason: first.reason };
};
const hasTrouble = (name: string, reason: string) =>
  until(`${name}: ${reason}`, async () => (await troubleOf(name))?.reason === reason);
const eventsOf = async (name: string, type: string) =>
  (await cluster.json<{ message: string }[]>('event', 'list', '--subject', name, '--type', type)).map(
    ({ message }) => message,
  );
const logOf = (name: string) => cluster.ok('logs', name);
const press = async (name: string, key: string) => {
  await until(`${name} is up`, async () => (await logOf(name)).includes('>'));
  // A pipe is left soon after its end, on a slow node before the key has arrived: its echo tells.
  const echo = async () => (await logOf(name)).includes(`>${key}`);
  await until(`${name} hears ${key}`, async () => {
    await cluster.gantry(['console', name], { input: key });
    return await until('its echo', echo, { limitMs: 30_000 });
  });
};

describe('from the console', () => {
  test('entropy that came late: the time, the source it has, and the remedy', async () => {
    const flavor = ['flavor', 'create', 'starved', '--vcpus', '1', '--memory', '32M', '--rng', 'off'];
    await cluster.ok(...flavor);
    await temporary('late', 'late', '--flavor', 'starved');
    await hasTrouble('late', 'EntropyLate');
    expect(await troubleOf('late')).toEqual({ type: 'EntropyReady', status: 'false', reason: 'EntropyLate' });
    const text = await shown('late');
    expect(text).toMatch(/EntropyReady does not hold \(EntropyLate\): .*only 1061 s after its start/);
    expect(text).toMatch(/no entropy source \(hw_rng:allowed=false\).*gantry flavor set FLAVOR --rng/);
    expect(await cluster.ok('instance', 'list')).toMatch(/^late +running .* entropy late$/m);
    expect(await eventsOf('late', 'guest.trouble')).toHaveLength(1);
  });

  test('a panic and emergency mode; found again by an agent that was killed, and told once', async () => {
    await Promise.all([temporary('panicked', 'panicked'), temporary('emergency', 'emergency')]);
    await hasTrouble('panicked', 'KernelPanic');
    await hasTrouble('emergency', 'EmergencyMode');
    expect(await shown('panicked')).toMatch(
      /KernelRuns does not hold .*Unable to mount root fs.*gantry logs/,
    );
    expect(await shown('emergency')).toMatch(/BootsNormally does not hold .*gantry console emergency/);
    const before = (await show('panicked')).status.conditions;
    await cluster.kill9('agent');
    await cluster.start();
    await cluster.ok('instance', 'reset', 'emergency'); // the new agent is at work
    await hasTrouble('emergency', 'EmergencyMode');
    expect((await show('panicked')).status.conditions).toEqual(before);
    expect(await eventsOf('panicked', 'guest.trouble')).toHaveLength(1);
  });

  test('it is cleared at the next boot', async () => {
    await temporary('mended', 'panicked');
    await hasTrouble('mended', 'KernelPanic');
    await cluster.ok('instance', 'stop', 'mended', '--force');
    expect((await troubleOf('mended'))?.reason).toBe('KernelPanic');
    const { id } = await show('mended');
    const disk = (await cluster.exec('virsh', 'domblklist', '--details', id)).match(/\S+\.ready\.qcow2/)?.[0];
    await writeFile(join(cluster.dir, 'healthy2.raw'), talkingGuestImage(texts.healthy));
    await cluster.exec(
      'qemu-img',
      'convert',
      '-n',
      '-O',
      'qcow2',
      join(cluster.dir, 'healthy2.raw'),
      disk ?? '',
    );
    await cluster.ok('instance', 'start', 'mended');
    await until('no trouble', async () => (await troubleOf('mended')) === undefined);
  });

  test('no bootable disk: the firmware’s word on the screen', async () => {
    await hasTrouble('empty', 'NoBootableDisk');
    expect(await shown('empty')).toMatch(/BootDiskFound does not hold .*No bootable device/);
  });

  test('a boot that stands still without random numbers; a healthy guest has no trouble', async () => {
    await hasTrouble('stuck', 'EntropyMissing');
    expect(await shown('stuck')).toMatch(
      /EntropyReady does not hold .*has not said “random: crng init done”/,
    );
    expect(await troubleOf('healthy')).toBeUndefined();
  });
});

describe('watchdog, armed by the guest and not fed', () => {
  const armed = async (action: string, ...more: string[]) => {
    const name = `dog-${action}`;
    await temporary(name, 'tiny', '--flavor', action, ...more);
    await press(name, 'w');
    return name;
  };
  const fired = (name: string, action: string) =>
    until('the event', async () =>
      (await eventsOf(name, 'guest.watchdog')).includes(`the guest’s watchdog fired: ${action}`),
    );
  const upAgain = (name: string) =>
    until('it is up again', async () => (await logOf(name)).split('>').length > 2);

  test('reset: it boots again in the same QEMU', async () => {
    const name = await armed('reset');
    await fired(name, 'reset');
    await upAgain(name);
    expect((await show(name)).status.state).toBe('running');
  });

  test('poweroff: it stays down and says why', async () => {
    const name = await armed('poweroff');
    await fired(name, 'poweroff');
    await until('it is stopped', async () => (await show(name)).status.state === 'stopped');
    expect(await shown(name)).toMatch(/^state +stopped: its watchdog fired$/m);
  });

  test('poweroff with --on-poweroff restart: started again', async () => {
    const name = await armed('poweroff', '--on-poweroff', 'restart');
    await fired(name, 'poweroff');
    await upAgain(name);
    await until('the restart is told', async () => /^restarts +1$/m.test(await shown(name)));
  });

  test('pause: shown with its reason, and resume lets it go on', async () => {
    const name = await armed('pause');
    await fired(name, 'pause');
    await until('it is paused', async () => (await show(name)).status.state === 'paused');
    expect(await shown(name)).toMatch(/^state +paused: its watchdog fired.*gantry instance resume/m);
    expect(await cluster.ok('instance', 'list')).toMatch(
      new RegExp(`^${name} +paused .*watchdog fired`, 'm'),
    );
    await cluster.ok('instance', 'resume', name);
    await until('it runs', async () => (await show(name)).status.state === 'running');
    expect(await cluster.gantry(['instance', 'resume', name])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('[wrong_state]'),
    });
  });

  test('none: an event, and nothing else', async () => {
    const name = await armed('none');
    await fired(name, 'none');
    expect((await show(name)).status.state).toBe('running');
    expect((await logOf(name)).split('>')).toHaveLength(2);
  });

  test('disabled: the guest finds no watchdog', async () => {
    const name = await armed('disabled');
    await until('it has looked', async () => (await logOf(name)).includes('w0'));
  });
});
