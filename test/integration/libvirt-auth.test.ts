import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ConnectOptions,
  type Credentials,
  connect,
  formatAuthConf,
  type LibvirtClient,
  type SessionOptions,
} from '@gantry/libvirt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';

const run = promisify(execFile);
const ACCOUNT: Credentials = { authname: 'nova', password: 'XYZ' };
const DATABASE = '/etc/libvirt/passwd.db';

let dir: string;
let libvirtd: PrivateLibvirtd;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lva-'));
  // Service users must be able to pass: mkdtemp makes 0700.
  await chmod(dir, 0o755);
  libvirtd = await startPrivateLibvirtd({
    dir: join(dir, 'node'),
    libvirtdConf: ['auth_unix_rw = "sasl"', 'unix_sock_rw_perms = "0777"'],
    saslConf: ['mech_list: scram-sha-256 scram-sha-1 plain', `sasldb_path: ${DATABASE}`],
  });
  await addAccount(ACCOUNT);
});

afterAll(async () => {
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** `saslpasswd2 -a libvirt NAME`, with the password on its standard input. */
async function addAccount({ authname, password }: Credentials, where = libvirtd): Promise<void> {
  const [command = '', ...args] = where.enter([
    'saslpasswd2',
    '-p',
    '-c',
    '-f',
    DATABASE,
    '-a',
    'libvirt',
    authname,
  ]);
  const child = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(password);
  const status = await new Promise((resolve) => child.once('exit', resolve));
  if (status !== 0) throw new Error(`saslpasswd2 ended with ${String(status)}`);
}

/** Surroundings of a service user with a home of his own. */
const serviceUser = (home: string) => ({ uid: 64_055, home, env: {} });

const to = (more: Partial<SessionOptions>, query = ''): ConnectOptions => ({
  uri: `qemu:///system?socket=${libvirtd.socketPath}${query}`,
  surroundings: serviceUser(join(dir, 'nobody')),
  ...more,
});

async function version(options: ConnectOptions): Promise<number> {
  await using lv: LibvirtClient = await connect(options);
  return await lv.connectGetLibVersion();
}

describe('as an operator sets it up for a service', () => {
  test('augtool, saslpasswd2 and auth.conf let the service’s user in', async () => {
    const own = await startPrivateLibvirtd({
      dir: join(dir, 'operator'),
      libvirtdConf: ['unix_sock_rw_perms = "0777"'],
      saslConf: ['mech_list: gssapi'],
    });
    try {
      // Debian ships gssapi: the list comes first.
      const sasl = `mech_list: scram-sha-256\nsasldb_path: ${DATABASE}\n`;
      await writeFile(join(dir, 'operator', 'sasl2', 'libvirt.conf'), sasl);
      const set = ['augtool', '-s', 'set', '/files/etc/libvirt/libvirtd.conf/auth_unix_rw', 'sasl'];
      expect((await own.exec(set)).stdout).toContain('Saved 1 file(s)');
      await addAccount(ACCOUNT, own);
      await own.killDaemon('TERM');
      await own.startDaemon();
      expect(await asUser('nova', own.socketPath)).toContain('refused: AUTH');
      const config = join(dir, 'nova-home', '.config', 'libvirt');
      await mkdir(config, { recursive: true });
      const conf =
        '[credentials-nova]\nauthname=nova\npassword=XYZ\n\n[auth-libvirt-localhost]\ncredentials=nova\n';
      await writeFile(join(config, 'auth.conf'), conf);
      expect(await asUser('nova', own.socketPath)).toBe('QEMU\n');
    } finally {
      await own.stop();
    }
  });
});

/** A process of another user, without rights of any kind, with a home of his own. */
async function asUser(name: string, socket: string): Promise<string> {
  const program = `
    import { connect } from ${JSON.stringify(import.meta.resolve('@gantry/libvirt'))};
    try {
      await using lv = await connect('qemu:///system?socket=${socket}');
      console.log(await lv.connectGetType());
    } catch (error) {
      console.log('refused: ' + error.code + ' ' + error.message);
    }`;
  const env = { HOME: join(dir, `${name}-home`), PATH: process.env['PATH'] ?? '' };
  const nobody = { uid: 65_534, gid: 65_534 };
  const args = ['--input-type=module', '-e', program];
  return (await run(process.execPath, args, { env, ...nobody, cwd: '/' })).stdout;
}

describe('a libvirtd that wants SASL on its unix socket', () => {
  test('takes the account that auth.conf in the home of the service user holds', async () => {
    const home = join(dir, 'nova');
    await mkdir(join(home, '.config', 'libvirt'), { recursive: true });
    await writeFile(
      join(home, '.config', 'libvirt', 'auth.conf'),
      '[credentials-nova]\nauthname=nova\npassword=XYZ\n\n[auth-libvirt-localhost]\ncredentials=nova\n',
    );
    expect(await version(to({ surroundings: serviceUser(home) }))).toBeGreaterThan(9_000_000 - 1);
  });

  test('reads the same file as virsh does', async () => {
    const path = join(dir, 'auth.conf');
    await writeFile(path, formatAuthConf(ACCOUNT, 'localhost'));
    const uri = `qemu+unix:///system?socket=${libvirtd.socketPath}`;
    const env = { ...process.env, LIBVIRT_AUTH_FILE: path };
    // Where virsh finds no account it asks for one: an end of input is its answer.
    const virsh = ['sh', '-c', 'exec virsh -q -c "$1" uri </dev/null', 'sh', uri] as const;
    const { stdout } = await run(virsh[0], virsh.slice(1), { env });
    expect(stdout).toContain(uri);
    expect(await version(to({ surroundings: { ...serviceUser('/nowhere'), env } }))).toBeGreaterThan(0);
    expect(await version(to({}, `&authfile=${path}`))).toBeGreaterThan(0);
    await writeFile(path, formatAuthConf(ACCOUNT, 'elsewhere'));
    await expect(run(virsh[0], virsh.slice(1), { env })).rejects.toThrow(/uthentication/);
    await expect(version(to({}, `&authfile=${path}`))).rejects.toThrow(/there is none for it/);
    await writeFile(path, formatAuthConf(ACCOUNT, 'default'));
    expect(await version(to({}, `&authfile=${path}`))).toBeGreaterThan(0);
  });

  test.each(['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])(
    '%s, with the account from a callback',
    async (mechanism) => {
      const asked: unknown[] = [];
      const credentials = (request: unknown): Credentials => {
        asked.push(request);
        return ACCOUNT;
      };
      expect(await version(to({ credentials }, `&auth=sasl.${mechanism}`))).toBeGreaterThan(0);
      expect(asked).toEqual([{ service: 'libvirt', host: 'localhost', mechanism }]);
    },
  );

  test.each([
    ['of ordinary letters', { authname: 'plain', password: 'correct horse' }],
    ['beyond ASCII', { authname: 'umlaut', password: 'pässwörd ﬁ ½' }],
    ['with SCRAM’s own characters', { authname: 'odd', password: 'a=b,c=d,n,,' }],
    ['that is long', { authname: 'long', password: 'x'.repeat(200) }],
  ])('a password %s', async (_, account) => {
    await addAccount(account);
    expect(await version(to({ credentials: () => account }))).toBeGreaterThan(0);
  });

  test('refuses a wrong password, and says whose', async () => {
    for (const mechanism of ['SCRAM-SHA-256', 'PLAIN']) {
      const wrong = to({ credentials: () => ({ ...ACCOUNT, password: 'wrong' }) }, `&auth=sasl.${mechanism}`);
      await expect(version(wrong)).rejects.toMatchObject({ code: 'AUTH', message: /refuses nova/ });
    }
    const stranger = to({ credentials: () => ({ authname: 'stranger', password: 'x' }) });
    await expect(version(stranger)).rejects.toMatchObject({ code: 'AUTH', message: /refuses stranger/ });
  });

  test('refuses who has no account, and what it does not offer', async () => {
    await expect(version(to({}))).rejects.toMatchObject({
      code: 'AUTH',
      message: /\[auth-libvirt-localhost\]/,
    });
    await expect(version(to({}, '&auth=polkit'))).rejects.toMatchObject({
      code: 'AUTH',
      message: /only sasl/,
    });
    const digest = to({ credentials: () => ACCOUNT }, '&auth=sasl.DIGEST-MD5');
    await expect(version(digest)).rejects.toThrow(/does not offer DIGEST-MD5/);
  });

  test('streams and events authenticate as well', async () => {
    await using lv = await connect(to({ credentials: () => ACCOUNT }));
    await lv.domainEvents(['lifecycle']).ready;
    await expect(
      lv.domainOpenConsole({ dom: { name: 'x', uuid: '00000000-0000-0000-0000-000000000001', id: -1 } }),
    ).rejects.toMatchObject({ codeName: 'VIR_ERR_NO_DOMAIN' });
  });
});

describe('a libvirtd that offers what is not built in', () => {
  test.each([
    ['digest-md5', /DIGEST-MD5 is broken/],
    ['anonymous', /no SASL mechanism that this client has/],
  ])('%s: the error names the remedy', async (mechanism, why) => {
    await writeFile(
      join(dir, 'node', 'sasl2', 'libvirt.conf'),
      `mech_list: ${mechanism}\nsasldb_path: ${DATABASE}\n`,
    );
    await libvirtd.killDaemon('TERM');
    await libvirtd.startDaemon();
    const error: unknown = await version(to({ credentials: () => ACCOUNT })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'AUTH', message: why });
    expect(error).toMatchObject({ message: expect.stringContaining('mech_list: scram-sha-256') });
  });
});
