/** Stopped guests go from machine to machine, with everything that they are; whatever dies, they are whole somewhere. */
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BalancePlan, Instance, Operation } from '@gantry/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GANTRY } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { addressOf, type Fleet, type Member, startFleet } from '../../lab/fleet.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { succeed } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';

let fleet: Fleet;
let node2: Member;
let node3: Member;

beforeAll(async () => {
  fleet = await startFleet();
  node2 = await fleet.node(2);
  node3 = await fleet.node(3);
  await until('ports for disks on all nodes', async () => {
    const nodes = await fleet.first.json<{ status: { facts?: { transfer?: object } } }[]>('node', 'list');
    return nodes.every(({ status }) => status.facts?.transfer !== undefined);
  });
});
/** What a test that failed has left would be in the way of the next. */
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const { name } of await fleet.first.json<Instance[]>('instance', 'list'))
    await fleet.first.gantry(['instance', 'delete', name, '--yes']);
});
afterAll(async () => {
  expect(await fleet?.stop()).toEqual(nothingLeft);
});

const instance = (name: string) => fleet.first.json<Instance>('instance', 'show', name);
const latest = async () => (await fleet.first.json<Operation[]>('op', 'list'))[0] as Operation;
const operation = (number: number) => fleet.first.json<Operation>('op', 'show', String(number));
const stateOf = (node: Member | undefined) => node?.state ?? fleet.first.state;
const runner = (node: Member | undefined) => node ?? fleet.first;

async function diskPath(node: Member | undefined, name: string): Promise<string | undefined> {
  const { spec } = await instance(name);
  const root = join(stateOf(node), 'agent', 'storage');
  const names = await readdir(root, { recursive: true });
  const found = names.find((each) => each.includes(`disks/${spec.disks[0]}`));
  return found && join(root, found);
}

/** Of the disk's own file, which arrives byte for byte. */
async function content(node: Member | undefined, name: string): Promise<string> {
  const path = await diskPath(node, name);
  const said = await runner(node).exec('sha256sum', path ?? '/nowhere');
  return said.split(' ')[0] ?? '';
}

async function hostKey(node: Member, name: string): Promise<string> {
  const { id } = await instance(name);
  return node.exec('cat', join(node.state, 'agent', 'guests', id, 'host-key.json'));
}

const domains = (node: Member | undefined) =>
  runner(node).exec('virsh', '--quiet', 'list', '--all', '--name');

describe('a guest with a system', () => {
  test('is stopped, moved and started again, with its addresses and all that it wrote', async () => {
    const create = ['launch', 'debian/12', 'web', '--node', 'node2', '--disk-cache', 'writeback'];
    await fleet.first.ok(...create, '--until', 'ping');
    await fleet.first.ok('instance', 'stop', 'web', '--force');
    const before = await instance('web');
    const key = await hostKey(node2, 'web');
    await fleet.first.ok('instance', 'start', 'web');
    const refused = await fleet.first.gantry(['instance', 'move', 'web', '--to', 'node3']);
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('[move_needs_stop]') });
    expect(await fleet.first.ok('instance', 'move', 'web', '--to', 'node3', '--stop', '--plan')).toMatch(
      /^move instance web from node2 to node3, 1 looked at\nstop it\ncopy its disks: .*\nstart it there\n/,
    );
    await fleet.first.ok('instance', 'move', 'web', '--to', 'node3', '--stop', '--force');
    const after = await instance('web');
    expect(after.spec.nics).toEqual(before.spec.nics);
    expect(after.status.state).toBe('running');
    expect(await domains(node2)).not.toMatch(/web/);
    expect(await domains(node3)).toMatch(/web/);
    expect(await diskPath(node2, 'web')).toBeUndefined();
    await until(
      'its first ping there',
      async () => (await instance('web')).status.timeline.firstPingAt !== undefined,
    );
    expect(await hostKey(node3, 'web')).toBe(key);
    await fleet.first.ok('instance', 'stop', 'web', '--force');
  });

  test('goes on to a third and back to the first, bit for bit', async () => {
    const written = await content(node3, 'web');
    await fleet.first.ok('instance', 'move', 'web', '--to', 'node1');
    expect(await content(undefined, 'web')).toBe(written);
    await fleet.first.ok('instance', 'move', 'web', '--to', 'node2');
    expect(await content(node2, 'web')).toBe(written);
    expect(await diskPath(undefined, 'web')).toBeUndefined();
    await fleet.first.ok('instance', 'start', 'web', '--until', 'ping');
    await fleet.first.ok('instance', 'delete', 'web', '--yes');
  });
});

describe('a disk of an uploaded image', () => {
  const sizeMiB = 256;

  beforeAll(async () => {
    const file = join(fleet.first.dir, 'noise.raw');
    await writeFile(file, randomBytes(8 * 2 ** 20));
    await fleet.first.ok('image', 'import', file, '--name', 'noise', '--format', 'raw');
  });

  async function create(name: string, template: string): Promise<string> {
    const size = ['--disk', `${sizeMiB}M,template=${template}`, '--flavor', 'tiny'];
    await fleet.first.ok(
      'instance',
      'create',
      name,
      '--image',
      'noise',
      ...size,
      '--node',
      'node2',
      '--stopped',
    );
    const path = await diskPath(node2, name);
    // what the guest would have written
    const write = `write -P 7 20M 150M`;
    await node2.exec('qemu-io', '-f', template === 'file-raw' ? 'raw' : 'qcow2', '-c', write, path ?? '');
    return content(node2, name);
  }

  test.each(['file-qcow2', 'file-raw'])('%s arrives as it was, thin as before', async (template) => {
    const written = await create('thin', template);
    const taken = async (node: Member) =>
      Number((await node.exec('stat', '-c', '%b', (await diskPath(node, 'thin')) ?? '')).trim()) * 512;
    const before = await taken(node2);
    await fleet.first.ok('instance', 'move', 'thin', '--to', 'node3');
    expect(await content(node3, 'thin')).toBe(written);
    expect(await taken(node3)).toBeLessThan(before + 2 ** 20);
    expect(await diskPath(node2, 'thin')).toBeUndefined();
    await fleet.first.ok('instance', 'delete', 'thin', '--yes');
  });

  /** As soon as the copy is on its way; it may be there already when that is seen. */
  async function underWay(name: string): Promise<Operation> {
    await fleet.first.ok('instance', 'move', name, '--to', 'node3', '--detach');
    const copying = async () => (await diskPath(node3, name)) !== undefined;
    await until('the copy', copying, { everyMs: 20 });
    return latest();
  }

  const ended = async ({ spec }: Operation) => {
    await until('the end', async () => (await operation(spec.number)).status.endedAt !== undefined);
    return operation(spec.number);
  };

  test('is whole at the target although both agents were killed on the way', async () => {
    const written = await create('tough', 'file-qcow2');
    const moving = await underWay('tough');
    await node3.killAgent();
    await node3.startAgent();
    await node2.killAgent();
    await node2.startAgent();
    expect((await ended(moving)).status.state).toBe('succeeded');
    expect(await content(node3, 'tough')).toBe(written);
    await until('the source to be cleared', async () => (await diskPath(node2, 'tough')) === undefined);
    await fleet.first.ok('instance', 'delete', 'tough', '--yes');
  });

  test('stays at the source when it is cancelled, or the target is full', async () => {
    const written = await create('stays', 'file-qcow2');
    const moving = await underWay('stays');
    await fleet.first.ok('op', 'cancel', String(moving.spec.number));
    const { status } = await ended(moving);
    expect(['cancelled', 'succeeded']).toContain(status.state);
    if (status.state === 'cancelled') {
      expect((await instance('stays')).status.node).toBe(await nodeId('node2'));
      expect(await content(node2, 'stays')).toBe(written);
      expect(await diskPath(node3, 'stays')).toBeUndefined();
    }
    await fleet.first.ok('instance', 'delete', 'stays', '--yes');
  });

  test('a full disk at the target leaves the source as it was', async () => {
    const written = await create('full', 'file-qcow2');
    const room = (
      await node3.exec('find', join(node3.state, 'agent/storage'), '-type', 'd', '-name', 'disks')
    ).trim();
    await node3.exec('mount', '-t', 'tmpfs', '-o', 'size=280m', 'small', room);
    await node3.exec('sh', '-c', 'head -c 150m /dev/zero >"$1/ballast"', 'sh', room);
    try {
      const { code, stderr } = await fleet.first.gantry(['instance', 'move', 'full', '--to', 'node3']);
      expect(code).toBe(6);
      expect(stderr).toMatch(/no_space|disk_too_large/);
    } finally {
      await node3.exec('umount', room);
    }
    expect(await content(node2, 'full')).toBe(written);
    await fleet.first.ok('instance', 'delete', 'full', '--yes');
  });
});

const nodeId = async (name: string) => (await fleet.first.json<{ id: string }>('node', 'show', name)).id;

describe('a node that is to be empty', () => {
  test('gives its guests away, those that run when they may be stopped, and says what became of each', async () => {
    const create = ['instance', 'create', '--flavor', 'tiny', '--disk', '16M', '--node', 'node2'];
    await fleet.first.ok(...create, 'down', '--stopped');
    await fleet.first.ok(...create, 'up', '--disk-cache', 'writeback');
    expect(await fleet.first.ok('node', 'evacuate', 'node2', '--plan')).toMatch(
      /up +running +stays .*--allow-stop/,
    );
    const refused = await fleet.first.gantry(['node', 'evacuate', 'node2', '--yes']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/up: it runs.*--allow-stop/);
    expect((await instance('down')).status.node).not.toBe(await nodeId('node2'));
    expect((await instance('up')).status.node).toBe(await nodeId('node2'));
    await fleet.first.ok('node', 'evacuate', 'node2', '--allow-stop', '--yes');
    expect((await instance('up')).status).toMatchObject({ state: 'running' });
    expect((await domains(node2)).trim()).toBe('');
    expect(await diskPath(node2, 'up')).toBeUndefined();
    await fleet.first.ok('node', 'undrain', 'node2');
    for (const name of ['up', 'down']) await fleet.first.ok('instance', 'delete', name, '--yes');
  });
});

describe('a cluster that is uneven', () => {
  test('is evened out by moves that are shown first; running guests only where they may be stopped', async () => {
    const create = ['instance', 'create', '--flavor', 'tiny', '--disk', '16M', '--node', 'node2'];
    const names = ['even1', 'even2'];
    for (const name of names) await fleet.first.ok(...create, name, '--disk-cache', 'writeback');
    const plan = (...flags: string[]) =>
      fleet.first.json<BalancePlan>('cluster', 'balance', '--plan', ...flags);
    const { moves: none, held } = await plan();
    expect(none).toEqual([]);
    expect(held.map(({ name }) => name).some((name) => names.includes(name))).toBe(true);
    const { moves, score } = await plan('--stop');
    expect(moves.length).toBeGreaterThan(0);
    expect(score.after).toBeLessThan(score.before);
    expect(moves.every(({ from, way }) => from === 'node2' && way === 'stop')).toBe(true);
    expect((await domains(node2)).trim().split('\n')).toHaveLength(2);
    await fleet.first.ok('cluster', 'balance', '--stop', '--apply', '--yes');
    for (const { name, to } of moves) {
      const { status } = await instance(name);
      expect([status.node, status.state]).toEqual([await nodeId(to), 'running']);
    }
    const after = await plan('--stop');
    expect(after.moves).toEqual([]);
    // As foretold, but for what others write meanwhile on the disk that all these nodes share.
    const gain = score.before - score.after;
    expect(Math.abs(after.score.before - score.after)).toBeLessThan(gain / 2);
    for (const name of names) await fleet.first.ok('instance', 'delete', name, '--yes');
  });
});

describe('as the documentation shows it', () => {
  const moving = examplesOf('docs/moving.md');
  const balancing = examplesOf('docs/placement.md', 'Balancing the live cluster');
  const readme = examplesOf('README.md', 'Several machines');
  const named = { n1: 'node1', n2: 'node2', '10.0.0.1:7460': `${addressOf(1)}:7460` };
  const ok = (...words: string[]) => fleet.first.ok(...words);

  test('moves, one by one and all of a node', async () => {
    const create = ['instance', 'create', 'web1', '--flavor', 'tiny', '--disk', '16M', '--node', 'node1'];
    await ok(...create, '--stopped', '--disk-cache', 'writeback');
    await ok(...moving.take('instance move web1 --plan', named));
    await ok(...moving.take('instance move web1 --to', named));
    expect((await instance('web1')).status.node).toBe(await nodeId('node2'));
    await ok('instance', 'start', 'web1');
    await ok(...moving.take('instance move web1 --stop', named), '--force');
    const { node } = (await instance('web1')).status;
    const left = { n1: node === (await nodeId('node1')) ? 'node1' : 'node3' };
    expect(await ok(...moving.take('node evacuate n1 --plan', left))).toContain('web1');
    await ok(...moving.take('node evacuate n1 --allow-stop', left));
    expect((await instance('web1')).status.node).not.toBe(node);
    expect(moving.left()).toEqual([]);
    await ok('node', 'undrain', left.n1);
    await ok('instance', 'delete', 'web1', '--yes');
  });

  test('balancing', async () => {
    await ok(...balancing.take('cluster balance'));
    await ok(...balancing.take('cluster balance --stop'), '--yes');
    expect(balancing.left()).toEqual([]);
  });

  test('a node that joins, has a group and guests, and is emptied', async () => {
    const { first } = fleet;
    const listen = [GANTRY, ...readme.take('cluster listen', named), '--state', first.state];
    await succeed(first.enter(listen), { env: first.env });
    expect(await ok(...readme.take('node add', { n2: 'node9' }))).toMatch(/&& curl .*--name node9/);
    await ok('node', 'remove', 'node9', '--yes');
    const fast = ['--disk-cache', 'writeback'];
    await ok(...readme.take('launch', named), ...fast);
    for (const start of ['group create', 'node set', 'node show']) await ok(...readme.take(start, named));
    await ok(...readme.take('instance move', named), '--force');
    expect((await instance('web3')).status.node).toBe(await nodeId('node1'));
    await ok(...readme.take('node evacuate', named), '--yes');
    expect(await ok(...readme.take('node exec', named))).toMatch(/load average/);
    expect(readme.left()).toEqual([]);
    await ok('node', 'undrain', 'node2');
    await ok('node', 'set', 'node2', '--group', 'default');
    await ok('group', 'delete', 'rack1', '--yes');
    await ok('instance', 'delete', 'web3', '--yes');
  });
});

describe('the port for disks', () => {
  test('opens to nobody without a certificate of the cluster, and to no certificate without a ticket', async () => {
    const url = `https://10.99.0.3:7461/v1/disks/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
    const ca = ['-sS', '--cacert', '/etc/pki/CA/cacert.pem'];
    const bare = await node2.run(['curl', ...ca, url]);
    expect(bare.code).not.toBe(0);
    expect(bare.stderr).toMatch(/certificate required|alert/);
    const host = [
      '--cert',
      '/etc/pki/libvirt/clientcert.pem',
      '--key',
      '/etc/pki/libvirt/private/clientkey.pem',
    ];
    const { stdout } = await node2.run(['curl', ...ca, ...host, '-H', 'gantry-ticket: guessed', url]);
    expect(JSON.parse(stdout)).toMatchObject({ status: 403, code: 'forbidden' });
  });
});

test('a node leaves, as the documentation shows it', async () => {
  const leaving = examplesOf('docs/ending-a-cluster.md', 'One node');
  await fleet.first.ok(...leaving.take('node evacuate', { n2: 'node3' }));
  await fleet.first.ok(...leaving.take('node remove', { n2: 'node3' }), '--yes');
  expect(leaving.left()).toEqual([]);
  await until('it is clear', async () => (await readdir(node3.state)).length === 0);
  expect(await fleet.first.ok('node', 'list')).not.toContain('node3');
});
