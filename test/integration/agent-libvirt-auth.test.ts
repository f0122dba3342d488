/** `gantry node libvirt-auth` and an agent's session, before a real libvirtd that asks for an account. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGuests, type Guests } from '../../packages/agent/src/guests/guests.ts';
import { ids } from '../../packages/agent/src/testing/assignments.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { until } from '../lab/wait.ts';

const run = promisify(execFile);
const GANTRY = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

let dir: string;
let home: string;
let libvirtd: PrivateLibvirtd;
const homeBefore = process.env['HOME'];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lau-'));
  await chmod(dir, 0o755);
  home = join(dir, 'home');
  await mkdir(home);
  libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'node'), saslConf: ['mech_list: gssapi'] });
  // Where root's home is, inside.
  await libvirtd.exec(['mount', '--bind', home, '/root']);
  process.env['HOME'] = home;
});

afterAll(async () => {
  process.env['HOME'] = homeBefore;
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** The command, on the node. */
const gantry = (...args: string[]) => gantryOn(libvirtd, ...args);

async function gantryOn(node: PrivateLibvirtd, ...args: string[]): Promise<{ code: number; said: string }> {
  const socket = '/run/libvirt/libvirt-sock';
  const words = [process.execPath, GANTRY, 'node', 'libvirt-auth', ...args, '--libvirt', socket];
  const [file = '', ...rest] = node.enter(words);
  return run(file, rest, { encoding: 'utf8' }).then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      said: error.stdout + error.stderr,
    }),
  );
}

async function restart(node = libvirtd): Promise<void> {
  await node.killDaemon('TERM');
  await node.startDaemon();
}

/** The agent's part that talks to libvirt. */
async function withGuests<T>(work: (guests: Guests) => Promise<T>): Promise<T> {
  const guests = createGuests({
    taps: async () => [],
    stateDir: join(dir, 'state'),
    socket: libvirtd.socketPath,
    clock: { now: Date.now, bootMs: Date.now, sleep: (ms) => sleep(ms) },
    log: () => {},
    membership: () => ({ cluster: ids.cluster, node: 'node1' }),
    hardware: async () => undefined,
    accelerator: async () => 'tcg',
    disks: async () => [],
    bases: async () => [],
    bootFiles: { prepare: async () => ({}), foresee: () => ({}) },
  });
  try {
    return await work(guests);
  } finally {
    await guests.close();
  }
}

const authConf = (): string => join(home, '.config', 'libvirt', 'auth.conf');
const etc = (name: string): string => join(dir, 'node', 'etc', name);

describe('SASL', () => {
  test('--plan says what would be done and does nothing', async () => {
    const { code, said } = await gantry('--mechanism', 'sasl', '--plan');
    expect(said).toBe(
      [
        'would write /etc/sasl2/libvirt.conf',
        'would write /root/.config/libvirt/auth.conf',
        'would set the password of gantry in /etc/libvirt/passwd.db',
        'would write /etc/libvirt/libvirtd.conf',
      ]
        .map((line) => `  ${line}\n`)
        .concat('only a plan: nothing was changed\n')
        .join(''),
    );
    expect(code).toBe(0);
    await expect(stat(authConf())).rejects.toThrow(/ENOENT/);
    expect(await readFile(etc('libvirtd.conf'), 'utf8')).not.toContain('sasl');
  });

  test('sets up everything, says that the daemon must be restarted, and then the agent gets in by it', async () => {
    await mkdir(join(home, '.config', 'libvirt'), { recursive: true });
    const other =
      '# mine\n[credentials-far]\nauthname=a\npassword=b\n\n[auth-libvirt-far]\ncredentials=far\n';
    await writeFile(authConf(), other);
    const first = await gantry('--mechanism', 'sasl');
    expect(first.said).toMatch(/libvirtd must be restarted.*only none/);
    expect(first.code).toBe(0);
    expect((await readFile(authConf(), 'utf8')).startsWith(other)).toBe(true);
    expect((await stat(authConf())).mode & 0o777).toBe(0o600);
    expect((await stat(etc('passwd.db'))).mode & 0o777).toBe(0o600);
    const sasl = await readFile(join(dir, 'node', 'sasl2', 'libvirt.conf'), 'utf8');
    expect(sasl).toContain('mech_list: scram-sha-256 gssapi\n');
    const [, password = ''] = /\npassword=(.*)\n\n\[auth-libvirt-localhost\]/.exec(
      await readFile(authConf(), 'utf8'),
    ) ?? [''];
    expect(password.length).toBe(32);
    expect(first.said).not.toContain(password);

    await restart();
    const again = await gantry('--mechanism', 'sasl');
    expect(again).toEqual({ code: 0, said: '  libvirtd lets root in by sasl\n' });
    await withGuests(async (guests) => {
      expect(await guests.observe()).toMatchObject({ libvirt: true, domains: [] });
      expect(await guests.libvirtVersion()).toMatch(/^\d+\.\d+\.\d+$/);
    });
  });

  test('wrong credentials: the agent says so and what to do, and the command mends it', async () => {
    const good = await readFile(authConf(), 'utf8');
    await writeFile(
      authConf(),
      good.replace(/password=.*\n\n\[auth-libvirt-localhost/, 'password=wrong\n\n[auth-libvirt-localhost'),
    );
    await withGuests(async (guests) => {
      const seen = await guests.observe();
      expect(seen).toMatchObject({
        libvirt: false,
        libvirtRefusal: expect.stringContaining('refuses gantry'),
      });
      await expect(guests.capabilities()).rejects.toMatchObject({
        code: 'hypervisor_auth',
        hint: expect.stringContaining('gantry node libvirt-auth'),
      });
      // The password in the file is made the account's: no restart is needed.
      const mended = await gantry('--mechanism', 'sasl');
      expect(mended.said).toContain('libvirtd lets root in by sasl');
      expect(mended.said).not.toContain('wrong');
      expect(await guests.observe()).toMatchObject({ libvirt: true });
    });
  });

  test('an account from a file, with a name of its own', async () => {
    const path = join(dir, 'nova.conf');
    await writeFile(
      path,
      '[credentials-x]\nauthname=nova\npassword=XYZ\n[auth-libvirt-default]\ncredentials=x\n',
    );
    expect((await gantry('--mechanism', 'sasl', '--user', 'other', '--credentials-file', path)).said).toMatch(
      /the account "nova" is not the wanted other/,
    );
    const { said } = await gantry('--mechanism', 'sasl', '--user', 'nova', '--credentials-file', path);
    expect(said).toContain('libvirtd lets root in by sasl');
    expect(await readFile(authConf(), 'utf8')).toContain('authname=nova\npassword=XYZ');
    await withGuests(async (guests) => expect((await guests.observe()).libvirt).toBe(true));
  });

  test.each([
    [['--mechanism', 'sasl', '--user', '-f'], 2, /the account "-f" is not letters/],
    [['--mechanism', 'sasl', '--service-user', 'no-such-user'], 3, /system user no-such-user does not exist/],
    [['--mechanism', 'sasl', '--credentials-file', '/nowhere'], 2, /\/nowhere is not a file like/],
    [['--mechanism', 'polkit'], 2, /root needs no rule/],
  ])('%j is refused', async (args, code, why) => {
    const answer = await gantry(...args);
    expect(answer.said).toMatch(why);
    expect(answer.code).toBe(code);
  });
});

test('polkit: a rule lets in the user whom it names', async () => {
  const node = await startPrivateLibvirtd({
    dir: join(dir, 'polkit'),
    libvirtdConf: ['auth_unix_rw = "polkit"', 'unix_sock_rw_perms = "0777"'],
    saslConf: [],
  });
  try {
    await node.exec(['mkdir', '/run/dbus']);
    await node.exec(['dbus-daemon', '--system', '--fork']);
    await node.exec([
      'sh',
      '-c',
      'setsid /usr/lib/polkit-1/polkitd --no-debug < /dev/null > /run/polkitd.log 2>&1 &',
    ]);
    const owner = ['--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetNameOwner'];
    const polkitd = ['--system', '--print-reply', ...owner, 'string:org.freedesktop.PolicyKit1'];
    await until('polkitd', () => node.exec(['dbus-send', ...polkitd]));
    await restart(node); // libvirtd looks for the bus once
    const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const virsh = [...asNobody, 'virsh', '-q', '-c', 'qemu:///system', 'uri'];
    await expect(node.exec(virsh)).rejects.toThrow(/no polkit agent available/);
    const args = ['--mechanism', 'polkit', '--service-user', 'nobody'];
    expect((await gantryOn(node, ...args)).said).toBe(
      '  write /etc/polkit-1/rules.d/50-gantry-libvirt.rules\n  libvirtd lets nobody in by polkit\n',
    );
    expect((await node.exec(virsh)).stdout.trim()).toBe('qemu:///system');
    expect((await gantryOn(node, ...args)).said).toBe('  libvirtd lets nobody in by polkit\n');
  } finally {
    await node.stop();
  }
});
