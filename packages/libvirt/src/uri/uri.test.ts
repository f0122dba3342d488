import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseUriConf, resolveUri } from './aliases.ts';
import { type Dial, dialOf } from './dial.ts';
import { remoteCommand, shellWord, sshArgv } from './ssh-command.ts';
import type { Surroundings } from './surroundings.ts';
import { parseUri } from './uri.ts';
import { UriError } from './uri-error.ts';

const root: Surroundings = { uid: 0, home: '/root', env: {} };
const user: Surroundings = { uid: 1000, home: '/home/u', env: { XDG_RUNTIME_DIR: '/run/user/1000' } };
const unix = (...paths: string[]): Dial => ({ kind: 'unix', paths });
const SYS = '/var/run/libvirt';

describe('where a URI leads', () => {
  test.each<[string, Dial, string]>([
    ['qemu:///system', unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`), 'qemu:///system'],
    ['qemu+unix:///system', unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`), 'qemu:///system'],
    ['qemu+UNIX:///system', unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`), 'qemu:///system'],
    ['qemu:///session', unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`), 'qemu:///session'],
    ['test:///default', unix(`${SYS}/virttestd-sock`, `${SYS}/libvirt-sock`), 'test:///default'],
    ['remote:///', unix(`${SYS}/libvirt-sock`), ''],
    ['qemu:///system?mode=legacy', unix(`${SYS}/libvirt-sock`), 'qemu:///system'],
    ['qemu:///system?mode=direct', unix(`${SYS}/virtqemud-sock`), 'qemu:///system'],
    ['qemu:///system?socket=/x/y', unix('/x/y'), 'qemu:///system'],
    ['qemu:///system?socket=/x/y&a=b#c%20d', unix('/x/y'), 'qemu:///system?a=b#c%20d'],
    ['qemu:///system?SOCKET=/x%2Fy&a=b;c=d', unix('/x/y'), 'qemu:///system?a=b&c=d'],
    [
      'qemu:///system?name=test:///default',
      unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`),
      'test:///default',
    ],
    ['qemu+tcp://h/system', { kind: 'tcp', host: 'h', port: 16509 }, 'qemu:///system'],
    ['qemu+tcp:///system', { kind: 'tcp', host: 'localhost', port: 16509 }, 'qemu:///system'],
    ['qemu+tcp://[::1]:99/system', { kind: 'tcp', host: '::1', port: 99 }, 'qemu:///system'],
    [
      'qemu://h/system?pkipath=/p',
      { kind: 'tls', host: 'h', port: 16514, pkipath: '/p', verify: true },
      'qemu:///system',
    ],
    [
      'qemu+tls://h:0/system?no_verify=1&no_sanity=1',
      { kind: 'tls', host: 'h', port: 16514, pkipath: undefined, verify: false },
      'qemu:///system',
    ],
    ['qemu+ext:///system?command=/c', { kind: 'process', transport: 'ext', argv: ['/c'] }, 'qemu:///system'],
  ])('%s', (text, dial, serverUri) => {
    const uri = parseUri(text);
    expect(dialOf(uri, root)).toEqual(dial);
    expect(uri.serverUri).toBe(serverUri);
  });

  test('a user other than root has a daemon of his own for /session and test+unix', () => {
    const own = (text: string): unknown => dialOf(parseUri(text), user);
    const dir = '/run/user/1000/libvirt';
    expect(own('qemu:///session')).toEqual(unix(`${dir}/virtqemud-sock`, `${dir}/libvirt-sock`));
    expect(own('test+unix:///default')).toEqual(unix(`${dir}/virttestd-sock`, `${dir}/libvirt-sock`));
    expect(own('qemu:///system')).toEqual(unix(`${SYS}/virtqemud-sock`, `${SYS}/libvirt-sock`));
    const bare = { ...user, env: { XDG_RUNTIME_DIR: '' } };
    expect(dialOf(parseUri('qemu:///session?mode=legacy'), bare)).toEqual(
      unix('/home/u/.cache/libvirt/libvirt-sock'),
    );
  });

  test('reading only has sockets of its own, but for a user’s own daemon', () => {
    const paths = unix(`${SYS}/virtqemud-sock-ro`, `${SYS}/libvirt-sock-ro`);
    expect(dialOf(parseUri('qemu:///system'), root, true)).toEqual(paths);
    const own = dialOf(parseUri('qemu:///session?mode=legacy'), user, true);
    expect(own).toEqual(unix('/run/user/1000/libvirt/libvirt-sock'));
  });
});

describe('what is refused', () => {
  test.each([
    ['', /expected driver/],
    ['/var/run/libvirt/libvirt-sock', /expected driver/],
    ['qemu', /expected driver/],
    ['qemu:///sys tem', /expected driver/],
    ['qemu+unix://host/system', /not on host/],
    ['qemu+carrier://host/system', /no transport carrier/],
    ['qemu+libssh2://host/system', /\+ssh does the same/],
    ['qemu+tcp://host:99999/system', /no port 99999/],
    ['qemu+tcp://host:x/system', /must be \[user@\]host/],
    ['qemu:///system?socket=%zz', /percent-encoding/],
    ['qemu:///system?socket=/x%00y', /percent-encoding/],
    ['qemu+ssh://h/system?sshauth=agent', /sshauth is not supported.*PreferredAuthentications/],
    ['qemu+ssh://h/system?known_hosts=/k', /UserKnownHostsFile/],
    ['qemu+ssh://h/system?known_hosts_verify=ignore', /StrictHostKeyChecking/],
    ['qemu+tls://h/system?tls_priority=SECURE256', /GnuTLS/],
    ['qemu+ssh://h/system?mode=direct', /mode=direct is for unix sockets/],
    ['qemu+ssh://h/system?mode=other', /must be one of auto, legacy, direct/],
    ['qemu+ssh://h/system?proxy=other', /must be one of auto, netcat, native/],
    ['qemu+tls://h/system?no_verify=yes', /must be a number/],
    ['qemu:///system?auth=magic', /auth must be/],
    ['qemu+ext:///system', /needs the parameter command/],
  ])('%j', (text, why) => {
    expect(() => parseUri(text)).toThrow(UriError);
    expect(() => parseUri(text)).toThrow(why);
  });

  test('a driver never leaves the directory of sockets', () => {
    expect(() => dialOf(parseUri('qe.mu:///system'), root)).toThrow(/no driver can be named/);
  });

  test('any text gives a URI or a UriError', () => {
    const piece = fc.constantFrom(
      'qemu',
      '+ssh',
      '://',
      '@',
      ':',
      '/',
      '?',
      '&',
      '=',
      '%',
      '[',
      ']',
      '#',
      'socket',
      '1',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (uri) => {
        try {
          parseUri(uri);
        } catch (error) {
          expect(error).toBeInstanceOf(UriError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('ssh', () => {
  const argv = (text: string): string[] => {
    const uri = parseUri(text);
    return sshArgv(uri, remoteCommand(uri, { socket: '/s', readOnly: false, own: false }));
  };
  const farEnd = (text: string, who = user): string | undefined => {
    const dial = dialOf(parseUri(text), who, true);
    return dial.kind === 'process' ? dial.argv.at(-1) : undefined;
  };

  test('says in its arguments what the URI says', () => {
    const full =
      'qemu+ssh://me%40work@h:2222/system?keyfile=/k&no_tty=1&no_verify=1&command=/my/ssh&proxy=native';
    expect(argv(full)).toEqual([
      '/my/ssh',
      ...['-p', '2222', '-l', 'me@work', '-i', '/k', '-T', '-e', 'none'],
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '--', 'h'],
      "virt-ssh-helper 'qemu:///system'",
    ]);
    expect(argv('qemu+ssh:///system?proxy=native')).toContain('localhost');
  });

  test('a host that looks like an option is none', () => {
    expect(argv('qemu+ssh://-oProxyCommand=x/system').slice(-3, -1)).toEqual(['--', '-oProxyCommand=x']);
  });

  test('takes netcat where a socket or netcat is named, else what it finds', () => {
    expect(argv('qemu+ssh://h/system').at(-1)).toContain('virt-ssh-helper');
    expect(argv('qemu+ssh://h/system?socket=/s').at(-1)).not.toContain('virt-ssh-helper');
    expect(argv('qemu+ssh://h/system?netcat=/n').at(-1)).not.toContain('virt-ssh-helper');
  });

  test('a user’s own daemon is found by the far end alone, and its system’s is none for it', () => {
    for (const own of ['qemu+ssh://h/session', 'test+ssh://h/default'])
      expect(farEnd(own)).toBe(`virt-ssh-helper -r ${shellWord(own.replace('+ssh://h', '://'))}`);
    expect(farEnd('qemu+ssh://h/session?socket=/s')).toMatch(/exec .*nc.* -U .*\/s/);
    const netcat = farEnd('qemu+ssh://h/session?proxy=netcat');
    expect(netcat).toContain('/run/user/1000/libvirt/libvirt-sock');
    expect(netcat).not.toContain('-ro');
    for (const elsewhere of [farEnd('qemu+ssh://h/system'), farEnd('qemu+ssh://h/session', root)])
      expect(elsewhere).toMatch(/virt-ssh-helper.*\/var\/run\/libvirt\/libvirt-sock-ro/);
  });

  test('a netcat beside virt-ssh-helper is refused, as virsh refuses it', () => {
    expect(() => farEnd('qemu+ssh://h/system?proxy=native&netcat=/n')).toThrow(UriError);
    expect(() => farEnd('qemu+ssh://h/session?netcat=/n')).toThrow(/leave one of them out/);
    expect(farEnd('qemu+ssh://h/session?netcat=/n', root)).toContain('/n');
  });

  test('a shell word is one word, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const word = shellWord(text);
        expect(word.replaceAll(`'\\''`, '').slice(1, -1)).not.toContain("'");
        expect(word.slice(1, -1).replaceAll(`'\\''`, "'")).toBe(text);
      }),
    );
  });
});

describe('libvirt.conf', () => {
  const conf = `# uri_aliases = ["no=qemu:///no"]
uri_aliases = [
  "a=qemu+ssh://root@[::1]/system",
 # "c=x",
 'b=q?x=y', "a=second", "no equals sign", "=no name",
]
uri_default = 'b'
`;

  test('has aliases, the first of a name, and a default', () => {
    const { aliases, defaultUri } = parseUriConf(conf);
    expect([...aliases]).toEqual([
      ['a', 'qemu+ssh://root@[::1]/system'],
      ['b', 'q?x=y'],
    ]);
    expect(defaultUri).toBe('b');
    expect(parseUriConf('#uri_default = "x"\n')).toEqual({ aliases: new Map(), defaultUri: undefined });
    expect(parseUriConf('uri_aliases = [ "a=b", broken, "c=d" ]').aliases.size).toBe(1);
  });

  test('what is meant by a name, and by none', async () => {
    const home = await mkdtemp(join(tmpdir(), 'uri-'));
    onTestFinished(() => rm(home, { recursive: true }));
    const meant = (text: string, env: Surroundings['env'] = {}) => resolveUri(text, { uid: 1000, home, env });
    expect(await meant('')).toBe('remote:///session');
    await mkdir(join(home, '.config', 'libvirt'), { recursive: true });
    await writeFile(join(home, '.config', 'libvirt', 'libvirt.conf'), conf);
    expect(await meant('b')).toBe('q?x=y');
    expect(await meant('c')).toBe('c');
    expect(await meant('')).toBe('q?x=y');
    expect(await meant('', { XDG_CONFIG_HOME: '', LIBVIRT_DEFAULT_URI: '' })).toBe('q?x=y');
    expect(await meant('', { LIBVIRT_DEFAULT_URI: 'a' })).toBe('qemu+ssh://root@[::1]/system');
    expect(await meant('test:///default', { LIBVIRT_DEFAULT_URI: 'a' })).toBe('test:///default');
  });
});
