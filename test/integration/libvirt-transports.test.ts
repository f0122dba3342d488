import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, formatAuthConf, type SessionOptions } from '@gantry/libvirt';
import { createAuthority } from '@gantry/libvirt/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PortRelay, relayPort } from '../lab/port-relay.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';
import { LIMIT_MS } from '../lab/wait.ts';

const run = promisify(execFile);
const account = { authname: 'gantry', password: 'correct horse' };
const SSH_PORT = 2222;

let dir: string;
let libvirtd: PrivateLibvirtd;
let tls: PortRelay;
let tcp: PortRelay;
let ssh: PortRelay;

const authority = createAuthority('Gantry test authority');
const server = authority.issue('localhost', ['localhost', '127.0.0.1']);
const client = authority.issue('client');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lvt-'));
  await chmod(dir, 0o755);
  libvirtd = await startPrivateLibvirtd({
    dir: join(dir, 'node'),
    libvirtdConf: ['listen_tls = 1', 'listen_tcp = 1', 'auth_tls = "none"', 'auth_tcp = "none"'],
    saslConf: ['mech_list: scram-sha-256', 'sasldb_path: /etc/libvirt/passwd.db'],
    listen: {
      pki: {
        'CA/cacert.pem': authority.ca,
        'libvirt/servercert.pem': server.cert,
        'libvirt/private/serverkey.pem': server.key,
        'libvirt/clientcert.pem': client.cert,
        'libvirt/private/clientkey.pem': client.key,
      },
    },
  });
  await writePki(join(dir, 'pki'), authority.ca, client);
  tls = await relayPort(libvirtd, 16514);
  tcp = await relayPort(libvirtd, 16509);
  ssh = await relayPort(libvirtd, SSH_PORT);
});

afterAll(async () => {
  for (const relay of [tls, tcp, ssh]) await relay?.stop();
  await libvirtd?.stop();
  await rm(dir, { recursive: true });
});

async function writePki(path: string, ca: string, pair?: { cert: string; key: string }): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'cacert.pem'), ca);
  if (pair === undefined) return;
  await writeFile(join(path, 'clientcert.pem'), pair.cert);
  await writeFile(join(path, 'clientkey.pem'), pair.key, { mode: 0o600 });
}

/** What the server says that it opened. */
async function opened(uri: string, options?: SessionOptions): Promise<string> {
  await using lv = await connect(uri, options);
  return await lv.connectGetUri();
}

async function setConf(lines: Readonly<Record<string, string>>): Promise<void> {
  const path = join(dir, 'node', 'etc', 'libvirtd.conf');
  let text = await readFile(path, 'utf8');
  for (const [key, value] of Object.entries(lines))
    text = text.replace(new RegExp(`^${key} = .*$`, 'm'), `${key} = "${value}"`);
  await writeFile(path, text);
  await libvirtd.killDaemon('TERM');
  await libvirtd.startDaemon();
}

describe('TLS', () => {
  const uri = (query = '', host = 'localhost') =>
    `qemu+tls://${host}:${tls.port}/system?pkipath=${join(dir, 'pki')}${query}`;

  test('with the files of a PKI directory, or with PEM texts', async () => {
    expect(await opened(uri())).toBe('qemu:///system');
    expect(await opened(uri('', '127.0.0.1'))).toBe('qemu:///system');
    const material = { ca: authority.ca, cert: client.cert, key: client.key };
    expect(await opened(`qemu://localhost:${tls.port}/system`, { tls: material })).toBe('qemu:///system');
  });

  test('with the files of a user’s own directory', async () => {
    const home = join(dir, 'home');
    await cp(join(dir, 'pki'), join(home, '.pki', 'libvirt'), { recursive: true });
    const surroundings = { uid: 1000, home, env: {} };
    expect(await opened(`qemu+tls://localhost:${tls.port}/system`, { surroundings })).toBe('qemu:///system');
  });

  test('more calls in flight than the server serves at once, events', async () => {
    // Without pings: these would wake a server that has lost sight of what it has decrypted already.
    await using lv = await connect(uri(), { keepAlive: false });
    expect(await lv.connectIsSecure()).toBe(true);
    await lv.domainEvents(['lifecycle']).ready;
    const many = await Promise.all(Array.from({ length: 200 }, () => lv.connectGetLibVersion()));
    expect(new Set(many).size).toBe(1);
  });

  test('refuses a server of another name or authority, unless told to take any', async () => {
    const stranger = authority.issue('elsewhere', ['elsewhere.example']);
    await writeFile(join(dir, 'node', 'pki', 'libvirt', 'servercert.pem'), stranger.cert);
    await writeFile(join(dir, 'node', 'pki', 'libvirt', 'private', 'serverkey.pem'), stranger.key);
    await setConf({});
    await expect(opened(uri())).rejects.toMatchObject({ code: 'CONNECT', message: /does not match/ });
    expect(await opened(uri('&no_verify=1'))).toBe('qemu:///system');
    await writeFile(join(dir, 'node', 'pki', 'libvirt', 'servercert.pem'), server.cert);
    await writeFile(join(dir, 'node', 'pki', 'libvirt', 'private', 'serverkey.pem'), server.key);
    await setConf({});
    const other = createAuthority('another authority');
    const material = { ca: other.ca, cert: client.cert, key: client.key };
    await expect(opened(`qemu://localhost:${tls.port}/system`, { tls: material })).rejects.toMatchObject({
      code: 'CONNECT',
      message: /TLS with localhost failed/,
    });
  });

  test('a client without certificate, or with one of another authority, is told so', async () => {
    const bare = { tls: { ca: authority.ca } };
    await expect(opened(`qemu://localhost:${tls.port}/system`, bare)).rejects.toMatchObject({
      code: 'AUTH',
      message: /wants a client certificate and there is none/,
    });
    const foreign = createAuthority('another authority').issue('client');
    const material = { tls: { ca: authority.ca, ...foreign } };
    await expect(opened(`qemu://localhost:${tls.port}/system`, material)).rejects.toMatchObject({
      code: 'AUTH',
      message: /did not accept this client’s certificate/,
    });
  });

  test('no certificates at all: the error says which files it looked for', async () => {
    await expect(opened(`qemu+tls://localhost:${tls.port}/system?pkipath=/nowhere`)).rejects.toThrow(
      '/nowhere/cacert.pem',
    );
  });
});

describe('SASL beyond the unix socket', () => {
  beforeAll(async () => {
    const make = `printf %s 'correct horse' | saslpasswd2 -p -c -f /etc/libvirt/passwd.db -a libvirt gantry`;
    await libvirtd.exec(['sh', '-c', make]);
    await setConf({ auth_tls: 'sasl', auth_tcp: 'sasl' });
  });
  afterAll(() => setConf({ auth_tls: 'none', auth_tcp: 'none' }));

  test('over TLS, with auth.conf naming the host', async () => {
    const authfile = join(dir, 'auth.conf');
    await writeFile(authfile, formatAuthConf(account, '127.0.0.1'));
    const uri = `qemu+tls://127.0.0.1:${tls.port}/system?pkipath=${join(dir, 'pki')}&authfile=${authfile}`;
    expect(await opened(uri)).toBe('qemu:///system');
    await writeFile(authfile, formatAuthConf({ ...account, password: 'wrong' }, '127.0.0.1'));
    await expect(opened(uri)).rejects.toMatchObject({ code: 'AUTH', message: /refuses gantry/ });
  });

  test('over plain TCP it is refused, and the error says what to use', async () => {
    const uri = `qemu+tcp://127.0.0.1:${tcp.port}/system`;
    await expect(opened(uri, { credentials: () => account })).rejects.toMatchObject({
      code: 'AUTH',
      message: /use qemu\+tls:\/\/ or qemu\+ssh:\/\//,
    });
  });
});

describe('TCP', () => {
  test('opens what the URI says', async () => {
    expect(await opened(`qemu+tcp://127.0.0.1:${tcp.port}/system`)).toBe('qemu:///system');
    expect(await opened(`test+tcp://127.0.0.1:${tcp.port}/default`)).toBe('test:///default');
  });

  test('nobody there: the error names host, port and what should listen', async () => {
    await expect(opened('qemu+tcp://127.0.0.1:1/system')).rejects.toMatchObject({
      code: 'CONNECT',
      message: /127\.0\.0\.1 port 1: nobody listens there/,
    });
  });
});

describe('ssh', () => {
  let command: string;
  let keyfile: string;

  beforeAll(async () => {
    await mkdir(join(dir, 'ssh'));
    keyfile = join(dir, 'ssh', 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyfile]);
    await run('dropbearkey', ['-t', 'ed25519', '-f', join(dir, 'ssh', 'host')]);
    // A home of its own for root: dropbear knows authorized_keys of the home alone.
    await libvirtd.exec(['mount', '-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', '/root']);
    await libvirtd.exec(['mkdir', '-m', '700', '/root/.ssh']);
    await libvirtd.exec(['cp', `${keyfile}.pub`, '/root/.ssh/authorized_keys']);
    const start =
      'exec dropbear -p "127.0.0.1:$1" -r "$2" -s -P /run/dropbear.pid >/dev/null 2>&1 </dev/null';
    await libvirtd.exec(['sh', '-c', start, 'sh', String(SSH_PORT), join(dir, 'ssh', 'host')]);
    // ssh would write down the host's key in the real home: it gets a configuration of its own.
    command = join(dir, 'ssh', 'ssh');
    await writeFile(join(dir, 'ssh', 'config'), `UserKnownHostsFile ${join(dir, 'ssh', 'known')}\n`);
    await writeFile(command, `#!/bin/sh\nexec ssh -F ${join(dir, 'ssh', 'config')} "$@"\n`, { mode: 0o755 });
  });

  const uri = (query: string, path = 'qemu+ssh') =>
    `${path}://root@127.0.0.1:${ssh.port}/${path.startsWith('test') ? 'default' : 'system'}?command=${command}&keyfile=${keyfile}&no_verify=1&no_tty=1${query}`;

  test.each([
    ['virt-ssh-helper or netcat, as it finds', ''],
    ['virt-ssh-helper', '&proxy=native'],
    ['netcat', '&proxy=netcat'],
    ['a netcat and a socket that are named', '&netcat=/bin/nc&socket=/var/run/libvirt/libvirt-sock'],
  ])('through %s', async (_, query) => {
    expect(await opened(uri(query))).toBe('qemu:///system');
  });

  test('calls in flight and a big answer pass', async () => {
    await using lv = await connect(uri(''));
    const answers = await Promise.all(Array.from({ length: 100 }, () => lv.connectGetCapabilities()));
    expect(new Set(answers).size).toBe(1);
  });

  test('what ssh says when it fails is in the error', async () => {
    const wrongKey = uri('').replace(`keyfile=${keyfile}`, 'keyfile=/nowhere');
    await expect(opened(wrongKey)).rejects.toMatchObject({ message: /Permission denied/ });
    await expect(opened(uri('&netcat=/nowhere/nc'))).rejects.toMatchObject({ message: /\/nowhere\/nc/ });
    const noSsh = uri('').replace(`command=${command}`, 'command=/nowhere/ssh');
    await expect(opened(noSsh)).rejects.toMatchObject({ code: 'CONNECT', message: /cannot be started/ });
  });

  test('hostile words stay words', async () => {
    const netcat = encodeURIComponent(`/nowhere/'; touch ${join(dir, 'owned')}; '`);
    await expect(opened(uri(`&netcat=${netcat}`))).rejects.toThrow();
    await expect(opened(uri(`&proxy=native&name=${netcat}`))).rejects.toThrow();
    await expect(readFile(join(dir, 'owned'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('the argument vector is virsh’s own, but for the command at the far end', async () => {
    const spy = join(dir, 'ssh', 'spy');
    const log = join(dir, 'ssh', 'log');
    await writeFile(
      spy,
      `#!/bin/bash\nprintf '%s\\n' "\${@:1:$#-1}" >> ${log}; echo end >> ${log}; exit 1\n`,
      { mode: 0o755 },
    );
    for (const query of ['no_verify=1&no_tty=1&keyfile=/k', 'no_verify=0', 'proxy=native']) {
      await rm(log, { force: true });
      const spied = `qemu+ssh://someone@somewhere:2200/system?command=${spy}&${query}`;
      await run('virsh', ['-c', spied, 'uri'], { timeout: LIMIT_MS }).catch(() => {});
      await opened(spied).catch(() => {});
      const [virsh, ours] = (await readFile(log, 'utf8')).split('end\n');
      expect(ours).toBe(virsh);
    }
  });
});

describe('a unix socket', () => {
  test('by socket, by any driver, read-only', async () => {
    const socket = libvirtd.socketPath;
    expect(await opened('qemu:///system', { socket })).toBe('qemu:///system');
    expect(await opened(`test+unix:///default?socket=${socket}`)).toBe('test:///default');
    expect(await opened(`remote+unix:///?socket=${socket}`)).toMatch(/^[a-z]+:\/\//);
    await using lv = await connect(`qemu:///system?socket=${socket}-ro`, { readOnly: true });
    await expect(lv.domainCreateXml({ xmlDesc: '<domain/>' })).rejects.toMatchObject({
      codeName: 'VIR_ERR_OPERATION_DENIED',
    });
  });

  test('an alias of libvirt.conf', async () => {
    const home = join(dir, 'aliased');
    await mkdir(join(home, '.config', 'libvirt'), { recursive: true });
    await writeFile(
      join(home, '.config', 'libvirt', 'libvirt.conf'),
      `# mine\nuri_aliases = [\n  "here=qemu+unix:///system?socket=${libvirtd.socketPath}",\n]\n`,
    );
    expect(await opened('here', { surroundings: { uid: 1000, home, env: {} } })).toBe('qemu:///system');
    const env = { LIBVIRT_DEFAULT_URI: 'here' };
    expect(await opened('', { surroundings: { uid: 1000, home, env } })).toBe('qemu:///system');
  });

  test('a program that leads there (ext)', async () => {
    const nc = join(dir, 'nc');
    await writeFile(nc, `#!/bin/sh\nexec nc -U ${libvirtd.socketPath}\n`, { mode: 0o755 });
    expect(await opened(`qemu+ext:///system?command=${nc}`)).toBe('qemu:///system');
  });
});
