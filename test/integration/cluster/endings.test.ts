/** How guests end, and what becomes of them: by themselves, by the operator, by a crash, by the machine's power. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance, Operation } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { tinyGuestXml, writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
const foreign = { name: 'foreign', uuid: '11111111-2222-4333-8444-555555555555' };

beforeAll(async () => {
  cluster = await startCluster();
  const [tiny, deaf] = [join(cluster.dir, 'tiny.raw'), join(cluster.dir, 'deaf.raw')];
  await writeTinyGuest(tiny);
  await writeFile(deaf, Buffer.alloc(2 ** 20)); // no boot sector: the firmware waits for ever, and knows no power button
  await cluster.ok('image', 'import', tiny, 'tiny');
  await cluster.ok('image', 'import', deaf, 'deaf');
  const xml = join(cluster.dir, 'foreign.xml');
  await writeFile(xml, tinyGuestXml({ ...foreign, disk: tiny }));
  await cluster.exec('virsh', 'define', xml);
  await cluster.exec('virsh', 'start', foreign.name);
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
  const image = more.includes('--image') ? [] : ['--image', 'tiny'];
  return cluster.ok('instance', 'create', name, ...image, ...size, ...more);
};
const show = (name: string) => cluster.json<Instance>('instance', 'show', name);
const shown = (name: string) => cluster.ok('instance', 'show', name);
const reaches = (name: string, state: Instance['status']['state']) =>
  until(`${name} is ${state}`, async () => (await show(name)).status.state === state);
/** Each later than what it tells of: libvirt's events, the state of a run that is over. */
const says = (name: string, ...words: RegExp[]) =>
  until(`${name} shows ${words.join(', ')}`, async () => {
    const text = await shown(name);
    return words.every((word) => word.test(text));
  });
const tells = (event: RegExp) =>
  until(`event ${event}`, async () => event.test(await cluster.ok('event', 'list')));
const restarted = (name: string, times: number) =>
  says(name, /^state +running$/m, new RegExp(`^restarts +${times}$`, 'm'));
const qemuOf = async (name: string) => {
  const all = await cluster.processes('qemu');
  const domain = new RegExp(`guest=${name}-[0-9a-f]{8},`);
  return all.find(({ commandLine }) => domain.test(commandLine));
};
const isAnother = async (name: string, before: Awaited<ReturnType<typeof qemuOf>>) => {
  const now = await qemuOf(name);
  return now !== undefined && now.startTicks !== before?.startTicks;
};
const crash = async (name: string) => {
  const qemu = await qemuOf(name);
  if (!qemu) throw new Error(`${name} does not run`);
  process.kill(qemu.hostPid, 'SIGKILL');
  return qemu;
};
const reasonOf = async (name: string) =>
  (await cluster.exec('virsh', 'domstate', '--reason', (await show(name)).id)).trim();

/** Presses a key of the tiny guest, which says `>` once it listens, and says the key before it does anything. */
async function press(name: string, key: string): Promise<void> {
  await until(`${name} is up`, async () => (await cluster.ok('logs', name)).includes('>'));
  await cluster.gantry(['console', name], { input: key });
  await until(`${name} hears ${key}`, async () => (await cluster.ok('logs', name)).includes(key));
}

describe('ended from inside', () => {
  test('poweroff: it stays down, and its reason is said', async () => {
    await create('off');
    await press('off', 'q');
    await reaches('off', 'stopped');
    await says('off', /^state +stopped: powered off by the guest$/m);
    await sleep(1500);
    expect(await qemuOf('off')).toBeUndefined();
    await cluster.ok('instance', 'start', 'off');
    expect((await show('off')).status.state).toBe('running');
  });

  test('poweroff with --on-poweroff restart: it is started again, and the restart counted', async () => {
    await create('again', '--on-poweroff', 'restart');
    const qemu = await qemuOf('again');
    await press('again', 'q');
    await until('another QEMU', () => isAnother('again', qemu));
    await restarted('again', 1);
    await tells(/guest\.restarted.*because it powered itself off/);
  });

  test('reboot: inside the same QEMU; with --on-reboot stop it stays down', async () => {
    await Promise.all([create('reboot'), create('no-reboot', '--on-reboot', 'stop')]);
    const qemu = await qemuOf('reboot');
    await Promise.all([press('reboot', 'r'), press('no-reboot', 'r')]);
    await reaches('no-reboot', 'stopped');
    await until('it is up again', async () => (await cluster.ok('logs', 'reboot')).split('>').length > 2);
    expect(await qemuOf('reboot')).toEqual(qemu);
    expect((await show('reboot')).status.state).toBe('running');
  });

  test('by command: reboot asks the guest, reset does not', async () => {
    await create('again2');
    const qemu = await qemuOf('again2');
    const ups = async () => (await cluster.ok('logs', 'again2')).split('>').length - 1;
    for (const [index, verb] of ['reboot', 'reset'].entries()) {
      await until('it is up', async () => (await ups()) === index + 1);
      await cluster.ok('instance', verb, 'again2');
    }
    await until('it is up again', async () => (await ups()) === 3);
    expect(await qemuOf('again2')).toEqual(qemu);
    expect((await show('again2')).status.state).toBe('running');
  });

  test('panic: restarted, or left as it is with --on-crash stop', async () => {
    await Promise.all([create('panic'), create('panicked', '--on-crash', 'stop')]);
    const qemu = await qemuOf('panic');
    await Promise.all([press('panic', 'p'), press('panicked', 'p')]);
    await until('another QEMU', () => isAnother('panic', qemu));
    await reaches('panicked', 'crashed');
    await says('panicked', /^state +crashed: the guest’s kernel panicked$/m);
    await tells(/guest\.panic/);
  });
});

describe('QEMU killed', () => {
  test('with --on-crash stop it stays down until it is started', async () => {
    await create('crash', '--on-crash', 'stop');
    await crash('crash');
    await reaches('crash', 'crashed');
    await says('crash', /^state +crashed: QEMU ended unexpectedly$/m);
    await cluster.ok('instance', 'start', 'crash');
    await reaches('crash', 'running');
  });

  test('it is restarted five times and then given up, which is shown', async () => {
    await create('fragile');
    for (let count = 1; count <= 5; count++) {
      const qemu = await crash('fragile');
      await until(`restart ${count}`, () => isAnother('fragile', qemu));
      await restarted('fragile', count);
    }
    await crash('fragile');
    await reaches('fragile', 'crashed');
    expect(await shown('fragile')).toMatch(/^restarts +5$/m);
  });
});

describe('stopped by the operator', () => {
  test('the guest obeys the power button', async () => {
    await create('polite');
    await until('it is up', async () => (await cluster.ok('logs', 'polite')).includes('>'));
    await cluster.ok('instance', 'stop', 'polite', '--grace', '60s');
    expect(await reasonOf('polite')).toBe('shut off (shutdown)');
  });

  test('a guest that does not hear it is forced when its time is over, or at once with --force', async () => {
    await Promise.all([
      create('deaf1', '--image', 'deaf', '--stop-timeout', '2s'),
      create('deaf2', '--image', 'deaf', '--stop-timeout', '20m'),
    ]);
    const first = await cluster.json<Operation>('instance', 'stop', 'deaf1');
    await cluster.ok('instance', 'stop', 'deaf2', '--force'); // else beyond the time of any test
    expect(await reasonOf('deaf1')).toBe('shut off (destroyed)');
    expect(await reasonOf('deaf2')).toBe('shut off (destroyed)');
    expect(tookMs(first)).toBeGreaterThanOrEqual(2000);
    await cluster.ok('instance', 'start', 'deaf1');
    const third = await cluster.json<Operation>('instance', 'stop', 'deaf1', '--grace', '1s');
    expect(tookMs(third)).toBeGreaterThanOrEqual(1000);
  });
});

const tookMs = ({ status, createdAt }: Operation) => Date.parse(status.endedAt ?? '') - Date.parse(createdAt);

describe('a Debian guest', () => {
  let address: string;
  const ssh = (command: string) => cluster.ssh(address, command);
  const bootOfGuest = async () => {
    const { code, stdout } = await ssh('cat /proc/sys/kernel/random/boot_id');
    return code === 0 && stdout;
  };
  /** Before the end of its boot, systemd takes no orders. */
  const booted = () =>
    until('the end of its boot', async () => (await ssh('systemctl is-system-running --wait')).stdout !== '');
  beforeAll(async () => {
    const keys = ['--ssh-key', `${cluster.sshKey}.pub`];
    await cluster.ok('launch', 'debian/12', 'deb', '--until', 'ssh', ...keys);
    address = (await show('deb')).spec.nics[0]?.ipv4 ?? '';
  });
  afterAll(() => cluster.ok('instance', 'delete', 'deb', '--yes'));

  // An emulated guest boots much slower in a QEMU that has run it before: 20 to 60 s in place of 5.
  if (process.env['GANTRY_TEST_LONG'] === '1')
    test('reboots from inside, in the same QEMU', async () => {
      await booted();
      const [qemu, boot] = [await qemuOf('deb'), await bootOfGuest()];
      await ssh('systemctl reboot');
      const next = async () => {
        const found = await bootOfGuest();
        return found !== boot && found;
      };
      await until('the next boot', next);
      expect(await qemuOf('deb')).toEqual(qemu);
      expect(await shown('deb')).not.toMatch(/^restarts/m);
      await tells(/guest\.guest-reboot/);
    });

  if (process.env['GANTRY_TEST_LONG'] === '1')
    test('reset --until ping waits for the boot after, in the same QEMU', async () => {
      await booted();
      const [qemu, boot] = [await qemuOf('deb'), await bootOfGuest()];
      const { status } = await cluster.json<Operation>('instance', 'reset', 'deb', '--until', 'ping');
      expect(status.steps.map(({ name, state }) => `${name}: ${state}`)).toEqual([
        'done by the node: done',
        'rebooted: done',
        'first ping: done',
      ]);
      expect(await until('ssh', bootOfGuest)).not.toBe(boot);
      expect(await qemuOf('deb')).toEqual(qemu);
    });

  test('powers off from inside', async () => {
    await booted();
    await ssh('systemctl poweroff');
    await reaches('deb', 'stopped');
    await says('deb', /^state +stopped: powered off by the guest$/m);
    expect(await reasonOf('deb')).toBe('shut off (shutdown)');
  });
});

describe('the machine’s power', () => {
  test('cut and back: guests start as their policy says, from the controller’s word alone', async () => {
    await Promise.all([create('up'), create('down', '--start-on-boot', 'no'), create('idle', '--stopped')]);
    const [qemu, boot] = [await qemuOf('up'), await cluster.exec('cat', '/proc/sys/kernel/random/boot_id')];
    await cluster.powerCut();
    await cluster.boot();
    expect(await cluster.exec('cat', '/proc/sys/kernel/random/boot_id')).not.toBe(boot);
    expect(await cluster.processes('qemu')).toEqual([]);
    await cluster.start();
    await until('another QEMU', () => isAnother('up', qemu));
    await reaches('up', 'running');
    await reaches('down', 'stopped');
    await says('down', /^state +stopped: the host rebooted$/m);
    expect((await show('idle')).status.state).toBe('stopped');
    expect((await cluster.processes('qemu')).map(({ hostPid }) => hostPid)).toEqual([
      (await qemuOf('up'))?.hostPid,
    ]);
    await tells(/guest\.restarted.*because the node booted/);
    // That it was kept down is no word for ever.
    await cluster.ok('instance', 'start', 'down');
    expect((await show('down')).status.state).toBe('running');
  });
});

test('two projects have an instance of one name on one node', async () => {
  const [small, blue] = [
    ['--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '64M'],
    ['--project', 'blue'],
  ];
  await cluster.ok('project', 'create', 'blue');
  await cluster.ok('instance', 'create', 'twin', ...small);
  await cluster.ok('instance', 'create', 'twin', ...small, ...blue);
  const of = async (project: string) =>
    cluster.json<Instance>('instance', 'show', 'twin', '--project', project);
  const [first, second] = [await of('default'), await of('blue')];
  for (const { id } of [first, second])
    expect((await cluster.exec('virsh', 'domstate', `twin-${id.slice(0, 8)}`)).trim()).toBe('running');
  expect(await cluster.gantry(['instance', 'stop', 'twin'])).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/twin of project (blue|default) .*\[ambiguous\][\s\S]*--project/),
  });
  await cluster.ok('instance', 'stop', 'twin', '--force', ...blue);
  expect([(await of('default')).status.state, (await of('blue')).status.state]).toEqual([
    'running',
    'stopped',
  ]);
  for (const project of ['default', 'blue'])
    await cluster.ok('instance', 'delete', 'twin', '--yes', '--project', project);
});

describe('a domain that is not ours', () => {
  test('was left alone all the time, is shown, and an instance may be called like it', async () => {
    expect((await cluster.exec('virsh', '--quiet', 'list', '--all', '--name')).trim()).toBe(foreign.name);
    expect(await cluster.ok('node', 'show', 'node1')).toContain(foreign.name);
    await create(foreign.name);
    const { id } = await show(foreign.name);
    const domain = `${foreign.name}-${id.slice(0, 8)}`;
    expect(await shown(foreign.name)).toMatch(new RegExp(`^domain +${domain}$`, 'm'));
    expect((await cluster.exec('virsh', 'domuuid', domain)).trim()).toBe(id);
    expect((await cluster.exec('virsh', 'domuuid', foreign.name)).trim()).toBe(foreign.uuid);
  });
});
