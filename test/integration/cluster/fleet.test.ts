/** Several machines: each is a node with a libvirtd, a network and a state of its own; they meet over TLS. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, Group, Instance, Node, Token } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examplesOf } from '../../lab/examples.ts';
import { addressOf, controllerUrl, type Fleet, type Member, startFleet } from '../../lab/fleet.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { until } from '../../lab/wait.ts';

let fleet: Fleet;
let node2: Member;
let node3: Member;

beforeAll(async () => {
  fleet = await startFleet();
  node2 = await fleet.machine(2);
  node3 = await fleet.machine(3);
});
afterAll(async () => {
  expect(await fleet?.stop()).toEqual(nothingLeft);
});

const nodeNamed = (name: string) => fleet.first.json<Node>('node', 'show', name);
const instance = (name: string) => fleet.first.json<Instance>('instance', 'show', name);
const lineFor = async (name: string, ...flags: string[]) =>
  (await fleet.first.ok('node', 'add', name, ...flags)).trim();
const unlessGone = (error: NodeJS.ErrnoException): string => {
  if (error.code !== 'ENOENT') throw error;
  return '';
};
const launch = (name: string, node: string) =>
  fleet.first.ok('launch', 'debian/12', name, '--node', node, '--disk-cache', 'writeback', '--until', 'ping');

describe('joining', () => {
  test('a line with a forged token, a wrong fingerprint or another name leaves the machine as it was', async () => {
    const line = await lineFor('node2');
    const secret = /GANTRY_JOIN_TOKEN=(\S+)/.exec(line)?.[1] ?? '';
    const forged = line.replace(secret, `gantry_${'A'.repeat(43)}`);
    expect(await node2.joinBy(forged)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(
        /no valid token: it is not known here .*\[join_refused\]\n.*`gantry node add node2`/,
      ),
    });
    const pinned = /[0-9a-f]{64}/.exec(line)?.[0] ?? '';
    const spoofed = line.replace(
      pinned,
      pinned.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    );
    expect((await node2.joinBy(spoofed)).stderr).toMatch(/did NOT match/);
    const named = line.replace('--name node2', '--name node9');
    expect(await node2.joinBy(named)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('the join token is for node node2'),
    });
    expect(await node2.agent()).toBeUndefined();
    await expect(stat(join(node2.state, 'agent', 'identity.json'))).rejects.toThrow();
    expect((await nodeNamed('node2')).status.state).toBe('joining');
  });

  test('one line makes a machine a node', async () => {
    const { code, stderr } = await node2.joinBy(await lineFor('node2'));
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/node node2 is ready/);
    const { status } = await nodeNamed('node2');
    expect(status).toMatchObject({
      state: 'ready',
      facts: { hostname: 'node2', accelerator: { kvm: false } },
    });
    expect(status.facts?.libvirtVersion).toMatch(/^\d/);
    expect((await fleet.first.ok('event', 'list', '--type', 'node.joined')).trim()).toMatch(/node2/);
  });

  test('its keys are its own: the controller has none of them', async () => {
    const { agent, host } = JSON.parse(
      await readFile(join(node2.state, 'agent', 'identity.json'), 'utf8'),
    ) as {
      agent: { key: string };
      host: { key: string };
    };
    const controller = join(fleet.first.state, 'controller');
    const files = await readdir(controller, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      // It goes on working: what was there only for a moment holds nothing.
      const text = await readFile(join(file.parentPath, file.name), 'latin1').catch(unlessGone);
      for (const { key } of [agent, host]) expect(text).not.toContain(key.split('\n')[1]);
    }
  });

  test('a used line is refused to another machine, and repeated by the same one it does no harm', async () => {
    const line = await lineFor('node3');
    const { code, stderr } = await node3.joinBy(line);
    expect(code, stderr).toBe(0);
    const again = await node2.joinBy(line);
    expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining('[join_refused]') });
    expect((await node3.joinBy(line)).code).toBe(0);
    expect((await nodeNamed('node2')).status.state).toBe('ready');
  });

  test('libvirt and QEMU have certificates that other machines accept, on every node', async () => {
    const machines = [fleet.first, node2, node3];
    for (const [index, machine] of machines.entries()) {
      const names = ['--verify-hostname', `node${index + 1}`, '--infile', '/etc/pki/libvirt/servercert.pem'];
      const ca = ['--load-ca-certificate', '/etc/pki/CA/cacert.pem'];
      expect(await machine.exec('certtool', '--verify', ...ca, ...names)).toMatch(/Verified/);
      const info = await machine.exec(
        'certtool',
        '--certificate-info',
        '--infile',
        '/etc/pki/libvirt/servercert.pem',
      );
      expect(info).toContain(`IPAddress: ${addressOf(index + 1)}`);
      expect(await machine.exec('stat', '-c', '%a %U', '/etc/pki/libvirt/private/serverkey.pem')).toBe(
        '640 root\n',
      );
    }
    expect(await node2.exec('stat', '-c', '%a %G', '/etc/pki/qemu/server-key.pem')).toBe(
      '640 libvirt-qemu\n',
    );
  });

  test('and with them one libvirt speaks to another', async () => {
    await node2.libvirtd.killDaemon('TERM');
    await node2.exec('libvirtd', '-d', '--listen');
    const uri = `qemu+tls://${addressOf(2)}/system`;
    const hostName = () => node3.run(['virsh', '-q', '-c', uri, 'hostname']);
    const answer = await until('the answer', async () => {
      const ran = await hostName();
      return ran.code === 0 && ran;
    });
    expect(answer.stdout.trim()).toBe('node2');
  });
});

describe('from afar', () => {
  const curl = async (...args: string[]) =>
    JSON.parse(
      (await node2.exec('curl', '-sS', '--cacert', '/etc/pki/CA/cacert.pem', ...args)).trim(),
    ) as Record<string, unknown>;

  test('nobody without a token or a certificate learns anything', async () => {
    for (const path of ['/v1/nodes', '/v1/agent/assignments', '/v1/instances', '/v1/agent/watch'])
      expect(await curl(`${controllerUrl}${path}`)).toMatchObject({ status: 401 });
  });

  test('the agent’s token of the controller’s machine is of no use there', async () => {
    const token = (await readFile(join(fleet.first.state, 'agent', 'token'), 'utf8')).trim();
    expect(
      await curl('-H', `authorization: Bearer ${token}`, `${controllerUrl}/v1/agent/assignments`),
    ).toMatchObject({ code: 'certificate_needed' });
  });

  test('users come with a token and the authority’s certificate', async () => {
    const token = (await readFile(join(fleet.first.state, 'admin-token'), 'utf8')).trim();
    const env = { GANTRY_CONFIG: join(node2.state, 'user.json'), GANTRY_TOKEN: token };
    const gantry = join(fleet.first.dir, 'node2/bin/gantry');
    const use = [gantry, 'context', 'use', 'far', '--url', controllerUrl];
    expect((await node2.run([...use, '--ca', '/etc/pki/CA/cacert.pem'], env)).code).toBe(0);
    expect((await node2.run([gantry, 'node', 'list', '--fields', 'name', '-o', 'csv'], env)).stdout).toMatch(
      /node1\r\nnode2/,
    );
    await node2.run(use, env);
    expect(await node2.run([gantry, 'node', 'list'], env)).toMatchObject({ code: 8 });
  });

  test('a host certificate is not an agent’s', async () => {
    const pair = [
      '--cert',
      '/etc/pki/libvirt/clientcert.pem',
      '--key',
      '/etc/pki/libvirt/private/clientkey.pem',
    ];
    expect(await curl(...pair, `${controllerUrl}/v1/agent/assignments`)).toMatchObject({
      code: 'certificate_needed',
    });
  });
});

describe('guests', () => {
  test('land where they are told, each behind its own node', async () => {
    await Promise.all([launch('one', 'node1'), launch('two', 'node2'), launch('three', 'node3')]);
    const domains = await Promise.all(
      [fleet.first, node2, node3].map((machine) => machine.exec('virsh', '--quiet', 'list', '--name')),
    );
    expect(domains.map((text) => text.trim().split('\n').length)).toEqual([1, 1, 1]);
    const { spec } = await instance('three');
    await until('its answer', () => node3.exec('ping', '-c', '1', '-W', '5', spec.nics[0]?.ipv4 ?? ''));
  });

  test('with host-model have the CPU that all nodes of the group can give, and say so', async () => {
    const { first } = fleet;
    const group = () => first.json<Group>('group', 'show', 'default');
    await until('the baseline of three nodes', async () => (await group()).status.cpu?.from.length === 3);
    const { cpu } = (await group()).status;
    expect(cpu?.leftOut).toEqual([]);
    await first.ok(
      ...['instance', 'create', 'mobile', '--image', 'debian/12', '--flavor', 'tiny', '--node', 'node3'],
      ...['--cpu-mode', 'host-model', '--disk-cache', 'writeback'],
    );
    const defined = await node3.exec(
      'virsh',
      'dumpxml',
      'mobile-'.concat((await instance('mobile')).id.slice(0, 8)),
    );
    expect(defined).toContain(`<model fallback='forbid'>${cpu?.baseline.model}</model>`);
    expect(await first.ok('instance', 'show', 'mobile')).toContain('baseline of group default');
    const examples = examplesOf('docs/numa-and-hardware.md');
    expect(await first.ok(...examples.take('group cpu-baseline default'))).toMatch(/node3 .*yes/);
    await first.ok(...examples.take('group cpu-baseline default --narrow'), '--yes');
    expect(examples.left()).toEqual([]);
    await first.ok('instance', 'delete', 'mobile', '--yes');
  });

  test('an uploaded image comes to the node that needs it', async () => {
    const content = randomBytes(3 * 2 ** 20);
    const file = join(fleet.first.dir, 'noise.raw');
    await writeFile(file, content);
    await fleet.first.ok('image', 'import', file, '--name', 'noise', '--format', 'raw');
    await fleet.first.ok(
      'instance',
      'create',
      'noisy',
      '--image',
      'noise',
      '--flavor',
      'tiny',
      '--node',
      'node3',
      '--stopped',
    );
    const bases = join(node3.state, 'agent', 'storage');
    const found = (await readdir(bases, { recursive: true })).filter((name) => /bases\/[^/]+$/.test(name));
    const contents = await Promise.all(found.map((name) => readFile(join(bases, name))));
    expect(contents.some((bytes) => bytes.subarray(0, content.length).equals(content))).toBe(true);
    const others = await readdir(join(node2.state, 'agent', 'storage'), { recursive: true });
    expect(others.filter((name) => /\/bases\/[^/]+$/.test(name))).toEqual([]);
    await fleet.first.ok('instance', 'delete', 'noisy', '--yes');
  });

  test('kill -9 of an agent touches no guest; its successor goes on', async () => {
    const before = await node2.exec('virsh', '--quiet', 'list', '--name');
    await node2.killAgent();
    await node2.startAgent();
    expect(await node2.exec('virsh', '--quiet', 'list', '--name')).toBe(before);
    await fleet.first.ok('instance', 'stop', 'two', '--force');
    expect((await instance('two')).status.state).toBe('stopped');
    await fleet.first.ok('instance', 'start', 'two');
  });
});

describe('commands by hand', () => {
  const script = 'hostname; echo careful >&2; [ "$(hostname)" = node2 ] && exit 3; true';

  test('run on the nodes of the group that is named, each with its own result', async () => {
    const { code, stdout, stderr } = await fleet.first.gantry([
      'node',
      'exec',
      '--all',
      '--',
      'sh',
      '-c',
      script,
    ]);
    expect(code).toBe(1);
    expect(stdout.trim().split('\n').sort()).toEqual(['node1: node1', 'node2: node2', 'node3: node3']);
    expect(stderr).toMatch(/^ {2}node1 {2}0$/m);
    expect(stderr).toMatch(/^ {2}node2 {2}exit 3$/m);
    expect(stderr).toMatch(/failed on 1 of 3 nodes: node2 +\[command_failed\]/);
    const one = await fleet.first.ok('node', 'exec', '--node', 'node3', '-o', 'json', '--', 'hostname');
    expect(JSON.parse(one)).toEqual([
      { node: 'node3', result: '0', ok: true, stdout: 'node3\n', stderr: '' },
    ]);
  });

  test('with --group on its nodes only, whatever the others are', async () => {
    await fleet.first.ok('group', 'create', 'edge');
    await fleet.first.ok('node', 'set', 'node3', '--group', 'edge');
    const mark = ['sh', '-c', 'echo touched >>/run/touched-by-group'];
    const { code, stderr } = await fleet.first.gantry(['node', 'exec', '--group', 'edge', '--', ...mark]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/node3/);
    expect(stderr).not.toMatch(/node[12]/);
    expect(await node3.exec('cat', '/run/touched-by-group')).toBe('touched\n');
    for (const machine of [fleet.first, node2])
      await expect(machine.exec('cat', '/run/touched-by-group')).rejects.toThrow();
    await fleet.first.ok('node', 'set', 'node3', '--group', 'default');
    // Of a group without nodes it touches none.
    await fleet.first.gantry(['node', 'exec', '--group', 'edge', '--', ...mark]);
    expect(await node3.exec('cat', '/run/touched-by-group')).toBe('touched\n');
    await fleet.first.ok('group', 'delete', 'edge', '--yes');
  });

  test('are killed at their limit, and nothing of them goes on', async () => {
    const words = ['node', 'exec', '--node', 'node2', '--timeout', '500ms', '--', 'sleep', '4711'];
    expect(await fleet.first.gantry(words)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('timed out'),
    });
    expect((await node2.run(['pgrep', '-f', 'sleep 4711'])).code).toBe(1);
  });

  test('files come whole, under their name', async () => {
    const file = join(fleet.first.dir, 'motd');
    await writeFile(file, randomBytes(300_000));
    await fleet.first.ok(
      'node',
      'copy-file',
      '--node',
      'node2',
      '--node',
      'node3',
      file,
      '--to',
      '/etc/motd.new',
      '--mode',
      '0600',
    );
    const sum = async (machine: { exec(...argv: string[]): Promise<string> }, path: string) =>
      (await machine.exec('sha256sum', path)).split(' ')[0];
    const wanted = await sum(fleet.first, file);
    for (const machine of [node2, node3]) expect(await sum(machine, '/etc/motd.new')).toBe(wanted);
    await expect(fleet.first.exec('stat', '/etc/motd.new')).rejects.toThrow();
  });

  test('stand in the audit; none but administrators may, unless told, and then nobody', async () => {
    const said = await fleet.first.json<Event[]>('event', 'list', '--type', 'api.exec-on-node');
    expect(said.map(({ message }) => message)).toContain('run on node node3: ["hostname"]');
    const ends = await fleet.first.json<Event[]>('event', 'list', '--type', 'node.command');
    expect(ends[0]?.message).toMatch(/ended: \{.*"timedOut":true/);
    const secret = (await fleet.first.ok('token', 'create', 'op', '--role', 'operator')).trim();
    const words = ['node', 'exec', '--node', 'node2', '--', 'true'];
    const operator = { env: { GANTRY_TOKEN: secret } };
    expect((await fleet.first.gantry(words, operator)).stderr).toMatch(/\[forbidden\]/);
    await fleet.first.ok('cluster', 'access', '--node-commands', 'operators');
    expect((await fleet.first.gantry(words, operator)).code).toBe(0);
    await fleet.first.ok('cluster', 'access', '--node-commands', 'nobody');
    expect((await fleet.first.gantry(words)).stderr).toMatch(/\[forbidden\]/);
  });
});

describe('a node that is said to be switched off', () => {
  test('takes no guests and no commands until it is taken back', async () => {
    const { first } = fleet;
    await first.ok('cluster', 'access', '--node-commands', 'admins');
    await first.ok('node', 'offline', 'node3');
    const create = ['instance', 'create', 'later', '--image', 'debian/12', '--flavor', 'tiny', '--stopped'];
    const refused = await first.gantry([...create, '--node', 'node3']);
    expect(refused).toMatchObject({ code: 6, stderr: expect.stringMatching(/offline/) });
    const { stdout, stderr } = await first.gantry(['node', 'exec', '--all', '--', 'hostname']);
    expect(stdout.trim().split('\n').sort()).toEqual(['node1: node1', 'node2: node2']);
    expect(stderr).toMatch(/left out: offline: node3/);
    await first.ok('node', 'undrain', 'node3');
    expect(await first.ok('node', 'exec', '--node', 'node3', '--', 'hostname')).toContain('node3');
    await first.ok(...create, '--node', 'node3');
    expect((await nodeNamed('node3')).spec.role).toBe('active');
    await first.ok('instance', 'delete', 'later', '--yes');
  });
});

describe('a copy of a node', () => {
  test('is not heard, starts nothing, and is told of', async () => {
    const copy = await fleet.machine(4);
    await node2.exec('cp', '-a', node2.state, copy.state);
    await copy.exec('rm', '-r', join(copy.state, 'run'), join(copy.state, 'agent/guests'));
    await copy.exec(join(fleet.first.dir, 'node2/bin/gantry'), 'node', 'start', '--state', copy.state);
    await until('the refusal', async () => /this machine is not the one that joined/.test(await copy.log()));
    expect((await copy.exec('virsh', '--quiet', 'list', '--name')).trim()).toBe('');
    expect((await nodeNamed('node2')).status.state).toBe('ready');
    expect((await instance('two')).status.state).toBe('running');
    const [event] = await fleet.first.json<Event[]>('event', 'list', '--type', 'node.two-machines');
    expect(event?.message).toMatch(/refused to hear node node2/);
    await copy.killAgent();
  });
});

describe('a node that is cut off', () => {
  test('is lost after its lease, what runs there unknown; nothing is started elsewhere; it comes back', async () => {
    await node3.exec('ip', 'link', 'set', 'fab0', 'down');
    await until('the loss', async () => (await nodeNamed('node3')).status.state === 'lost');
    await until('nobody knows', async () => (await instance('three')).status.state === 'unknown');
    const { conditions } = (await nodeNamed('node3')).status;
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Heard', status: 'false', reason: 'NoHeartbeat' }),
    );
    const elsewhere = await Promise.all(
      [fleet.first, node2].map((machine) => machine.exec('virsh', '--quiet', 'list', '--name')),
    );
    expect(elsewhere.join()).not.toMatch(/three/);
    expect(await node3.exec('virsh', '--quiet', 'list', '--name')).toMatch(/three/);
    await node3.exec('ip', 'link', 'set', 'fab0', 'up');
    await until('its return', async () => (await nodeNamed('node3')).status.state === 'ready');
    await until('it runs', async () => (await instance('three')).status.state === 'running');
  });
});

describe('leaving', () => {
  test('not with guests; then its certificate is void at once', async () => {
    const refused = await fleet.first.gantry(['node', 'remove', 'node3', '--yes']);
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('three') });
    await fleet.first.ok('instance', 'delete', 'three', '--yes');
    await fleet.first.ok('node', 'drain', 'node3');
    await fleet.first.ok('node', 'remove', 'node3', '--yes');
    const tokens = await fleet.first.json<Token[]>('token', 'list');
    expect(tokens.filter(({ name }) => name.includes('node3'))).toEqual([]);
    const events = await fleet.first.json<Event[]>('event', 'list', '--type', 'api.remove-node');
    expect(events[0]?.message).toBe('delete node node3');
    await until('the refusal', async () => /certificate_needed|no valid certificate/.test(await node3.log()));
  });

  test('another node’s libvirt takes its certificate no more, and goes on with those of others', async () => {
    const hostName = (from: { run(argv: string[]): Promise<{ code: number; stderr: string }> }) =>
      from.run(['virsh', '-q', '-c', `qemu+tls://${addressOf(2)}/system`, 'hostname']);
    await until('the refusal by libvirt', async () => (await hostName(node3)).code !== 0);
    const listed = await node2.exec('openssl', 'crl', '-in', '/etc/pki/CA/cacrl.pem', '-noout', '-text');
    const serial = await node3.exec(
      'openssl',
      'x509',
      '-in',
      '/etc/pki/libvirt/clientcert.pem',
      '-noout',
      '-serial',
    );
    expect(listed).toContain(serial.trim().replace('serial=', ''));
    // Each of the two files is written by itself.
    const lists = () => node2.exec('sha256sum', '/etc/pki/qemu/ca-crl.pem', '/etc/pki/CA/cacrl.pem');
    await until('one list', async () => new Set((await lists()).match(/^\w{64}/gm)).size === 1);
    const others = await fleet.first.exec(
      'virsh',
      '-q',
      '-c',
      `qemu+tls://${addressOf(2)}/system`,
      'hostname',
    );
    expect(others.trim()).toBe('node2');
  });

  test('what is left of it goes on its own word; bridges too', async () => {
    const gantry = join(fleet.first.dir, 'node3/bin/gantry');
    const still = await node2.run([
      gantry.replace('node3', 'node2'),
      'node',
      'leave',
      '--yes',
      '--state',
      node2.state,
    ]);
    expect(still).toMatchObject({ code: 5, stderr: expect.stringContaining('the cluster') });
    expect(await node3.exec('ip', '-br', 'link')).toMatch(/gantry0/);
    await node3.exec(gantry, 'node', 'leave', '--yes', '--state', node3.state);
    expect(await node3.exec('ip', '-br', 'link')).not.toMatch(/gantry0/);
    expect(await readdir(node3.state)).toEqual([]);
    expect((await node3.exec('find', '/etc/pki', '-type', 'f')).trim()).toBe('');
  });

  test('the same machine may come back under a new line', async () => {
    const { code, stderr } = await node3.joinBy(await lineFor('node3'));
    expect(code, stderr).toBe(0);
    expect((await nodeNamed('node3')).status.state).toBe('ready');
  });
});
