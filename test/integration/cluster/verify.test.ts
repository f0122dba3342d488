/** `cluster verify`: each thing broken for real is found where it is, its remedy mends it, and then nothing is found. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding, Instance, Node, NodeProbed } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
/** Where storage lies, and the file system that is mounted there. */
let storage: string;
let mounted: string;

beforeAll(async () => {
  cluster = await startCluster();
  storage = join(cluster.state, 'agent', 'storage');
  mounted = join(cluster.dir, 'mounted');
  await mkdir(mounted, { mode: 0o711 });
  await cluster.exec('mount', '-t', 'tmpfs', '-o', 'size=64m,mode=0711', 'storage', mounted);
  await mount();
  const tiny = join(cluster.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await cluster.ok('image', 'import', tiny, 'tiny');
  await create('web1', '--disk', '16M');
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const mount = () => cluster.exec('mount', '--bind', mounted, storage);
const unmount = () => cluster.exec('umount', '--lazy', storage);
const create = (name: string, ...more: string[]) =>
  cluster.ok('instance', 'create', name, '--image', 'tiny', '--vcpus', '1', '--memory', '32M', ...more);
const show = (name = 'web1') => cluster.json<Instance>('instance', 'show', name);
const virsh = async (...words: string[]) => (await cluster.exec('virsh', '--quiet', ...words)).trim();
const verify = () => cluster.gantry(['cluster', 'verify']);
const findings = async (): Promise<string[]> => {
  const { stdout } = await cluster.gantry(['cluster', 'verify', '-o', 'json']);
  return (JSON.parse(stdout) as Finding[])
    .filter(({ severity }) => severity === 'error')
    .map(({ check, kind, name, message }) => `${check}: ${kind} ${name}: ${message}`);
};
/**
 * The first errors that are found. What changes while the nodes are asked is left out, and what the agent mends by itself may be
 * mended before it is looked for: then it is broken and looked for again.
 */
const found = (broken?: () => Promise<unknown>): Promise<string[]> =>
  until('it is found', async () => {
    await broken?.();
    const all = await findings();
    return all.length > 0 && all;
  });
const allIsWell = () => until('all is well', async () => (await findings()).length === 0);
const tapOf = async () => (await virsh('domiflist', (await show()).id)).split(/\s+/)[0] ?? '';

test('all is well', async () => {
  const { code, stdout, stderr } = await verify();
  expect([code, stdout], stdout).toEqual([0, expect.not.stringContaining('error')]);
  expect(stderr).toMatch(/16 checks, 1 node asked/);
});

test('a NIC that somebody took from its bridge', async () => {
  const tap = await tapOf();
  await cluster.exec('ip', 'link', 'set', 'dev', tap, 'nomaster');
  const [first, ...others] = await found();
  expect(others).toEqual([]);
  expect(first).toMatch(
    /^networks: instance web1: its NIC 0 is not at the bridge \S+ on node1: gt\w+ is no port/,
  );
  const remedy = await until(
    'its remedy',
    async () => /`(ip link set [^`]+)`/.exec((await verify()).stdout)?.[1],
  );
  await cluster.exec(...remedy.split(' '));
  await allIsWell();
});

test('a filter that somebody changed, seen at once and put back by the agent', async () => {
  const tap = await tapOf();
  const flush = () => cluster.exec('nft', 'flush', 'chain', 'bridge', 'gantry', tap);
  expect(await found(flush)).toEqual([
    expect.stringMatching(/^filters: instance web1: it runs without the filter of its NIC 0/),
  ]);
  await allIsWell();
  expect(await cluster.exec('nft', 'list', 'chain', 'bridge', 'gantry', tap)).toContain('ether saddr');
});

test('NAT rules that somebody flushed', async () => {
  const tables = await cluster.exec('nft', 'list', 'tables', 'inet');
  const [, table = ''] = /table inet (\S+)/.exec(tables) ?? [];
  expect(await found(() => cluster.exec('nft', 'delete', 'table', 'inet', table))).toEqual([
    expect.stringMatching(
      /^networks: network \S+: it does not work on node1: nftables table inet \S+ is missing/,
    ),
  ]);
  await allIsWell();
});

test('storage that is not mounted: nothing is written in its place, and mounted it is as it was', async () => {
  await unmount();
  expect(await found()).toContainEqual(
    expect.stringMatching(/^storages: node node1: storage file is not what it was: .* is not mounted$/),
  );
  const refused = await cluster.gantry([
    ...['instance', 'create', 'lost', '--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '1M'],
    ...['--deadline', '5m'],
  ]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is not mounted') });
  expect(await cluster.exec('find', storage, '-type', 'f')).toBe('');
  await mount();
  await until('nothing is left of it', async () => {
    await cluster.gantry(['instance', 'delete', 'lost', '--yes']);
    return (await cluster.gantry(['instance', 'show', 'lost'])).code === 3;
  });
  await allIsWell();
});

test('storage that is nearly full is told before it is', async () => {
  const ballast = join(mounted, 'ballast');
  await cluster
    .exec('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=1M', 'count=63', 'status=none')
    .catch(() => '');
  const full = await cluster.json<Finding[]>('cluster', 'verify', '--check', 'storages');
  expect(full).toMatchObject([{ severity: 'warning', message: expect.stringMatching(/has only .* left/) }]);
  await cluster.exec('rm', ballast);
  expect(await cluster.json('cluster', 'verify', '--check', 'storages')).toEqual([]);
});

test('the content of an image, and a base that belongs to none', async () => {
  const { status } = await cluster.json<{ status: { sha256: string } }>('image', 'show', 'tiny');
  const content = join(cluster.state, 'controller', 'images', status.sha256);
  await rename(content, `${content}.away`);
  expect(await found()).toEqual([
    expect.stringMatching(/^images: image tiny: its content .* is gone from the controller$/),
  ]);
  await cluster.ok('image', 'import', join(cluster.dir, 'tiny.raw'), 'again');
  await cluster.ok('image', 'delete', 'again', '--yes');
  await allIsWell();

  const bases = (await cluster.exec('find', storage, '-name', 'bases', '-type', 'd')).trim();
  const stranger = join(bases, `${'0'.repeat(64)}.raw`);
  await cluster.exec('touch', stranger);
  expect(await cluster.json<Finding[]>('cluster', 'verify', '--check', 'images')).toMatchObject([
    {
      severity: 'warning',
      message: expect.stringContaining('the base of no image here, and no disk stands on it'),
    },
  ]);
  await cluster.exec('rm', stranger);
});

test('a disk that is gone, and a domain that nobody knows', async () => {
  // The node's last report may still be that of a full storage.
  await until('a place for its disk', async () => {
    await create('lost', '--disk', '1M', '--stopped');
    return true;
  });
  const lost = await show('lost');
  const disk = lost.spec.disks[0] ?? '';
  const named = ['-name', `*${disk}*`, '-type', 'f'];
  const [file = ''] = (await cluster.exec('find', storage, ...named)).split('\n');
  await cluster.exec('mv', file, `${file}.away`);
  const xml = await virsh('dumpxml', (await show()).id);
  const stranger = join(cluster.dir, 'stranger.xml');
  const uuid = '11111111-2222-4333-8444-555555555555';
  const renamed = xml.replace(/<name>[^<]*/, '<name>stranger').replaceAll((await show()).id, uuid);
  await writeFile(
    stranger,
    renamed.replaceAll(/<(interface|disk|graphics|serial|console|channel)\b.*?<\/\1>/gs, ''),
  );
  await virsh('define', stranger);

  const after = await until('its node has noticed', async () => {
    const ran = await verify();
    return ran.stdout.includes('was whole and is gone') && ran.stdout.includes('the domain stranger') && ran;
  });
  expect(after).toMatchObject({ code: 1, stderr: expect.stringContaining('[verify_found]') });
  expect(after.stdout).toMatch(
    /error {4}disk \S+: the disk \S+ was whole and is gone from .*\n +Look whether its storage is mounted/,
  );
  expect(after.stdout).toMatch(/warning {2}node \S+: the domain stranger bears this cluster’s mark/);
  const only = await cluster.json<Finding[]>('cluster', 'verify', '--check', 'domains');
  expect(only.map(({ severity, check }) => [severity, check])).toEqual([['warning', 'domains']]);

  const start = await cluster.gantry(['instance', 'start', 'lost', '--deadline', '5m']);
  expect(start).toMatchObject({ code: 1, stderr: expect.stringContaining('was whole and is gone') });
  await cluster.exec('mv', `${file}.away`, file);
  await until('its node has noticed', async () => !(await verify()).stdout.includes('was whole and is gone'));
  // A node that had not heard yet that the start was taken back may have begun it with the disk.
  await until('it is down', async () => (await show('lost')).status.state === 'stopped');
  await cluster.ok('instance', 'start', 'lost');

  await virsh('undefine', 'stranger');
  await cluster.ok('instance', 'delete', 'lost', '--yes');
  await allIsWell();
});

test('a node measured anew answers with what it is, and its guests run on', async () => {
  // libvirt starts QEMUs of its own to examine it
  const qemu = async () =>
    (await cluster.processes('qemu'))
      .filter(({ commandLine }) => commandLine.includes('guest=web1-'))
      .map(({ hostPid, startTicks }) => [hostPid, startTicks]);
  const before = await qemu();
  expect(before).toHaveLength(1);
  const { facts } = await cluster.json<NodeProbed>('node', 'probe', 'node1');
  expect(facts.accelerator.reason).toMatch(
    facts.accelerator.kvm ? /booted under KVM/ : /\/dev\/kvm|emulation/,
  );
  expect(facts.qemuVersion).toMatch(/^\d+\.\d+/);
  expect(await qemu()).toEqual(before);
  expect((await show()).status.state).toBe('running');
  await until('its report says the same', async () => {
    const node = await cluster.json<Node>('node', 'show', 'node1');
    return node.status.facts?.accelerator.reason === facts.accelerator.reason;
  });
  await allIsWell();
});
