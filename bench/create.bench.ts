/**
 * Submit -> QEMU running -> first ping, side by side with `virsh define` + `virsh start` of the very same guest (same XML,
 * kernel, initrd and base; a new overlay), in turn, in one run. Times are from the start of the command. Needs root.
 */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Cluster, startCluster } from '../test/lab/cluster.ts';
import { succeed } from '../test/lab/run.ts';

const ROUNDS = Number(process.env['GANTRY_BENCH_ROUNDS'] ?? 5);

interface Times {
  running: number;
  ping: number;
}

interface Shown {
  id: string;
  status: { timeline: { qemuRunningAt: string; firstPingAt: string } };
  spec: { nics: { mac: string; ipv4: string }[] };
}

async function byGantry(
  cluster: Cluster,
  image: string,
): Promise<{ times: Times; xml: string; ipv4: string; mac: string }> {
  const began = Date.now();
  await cluster.ok('launch', image, 'bench', '--until', 'ping', '-q');
  const { status, spec, id } = await cluster.json<Shown>('instance', 'show', 'bench');
  const xml = await cluster.exec('virsh', 'dumpxml', '--inactive', id);
  const { mac, ipv4 } = spec.nics[0] ?? { mac: '', ipv4: '' };
  const since = (at: string) => Date.parse(at) - began;
  return {
    times: { running: since(status.timeline.qemuRunningAt), ping: since(status.timeline.firstPingAt) },
    xml,
    ipv4,
    mac,
  };
}

/** The same guest by hand: its files copied, its disk a new overlay of the same base, another name and uuid. */
async function byHand(cluster: Cluster, xml: string, ipv4: string, mac: string): Promise<Times> {
  const dir = join(cluster.dir, 'by-hand');
  await succeed(['mkdir', '-p', dir]);
  const pathOf = (pattern: RegExp) => pattern.exec(xml)?.[1] ?? '';
  const [kernel, initrd, disk] = [
    pathOf(/<kernel>(.*?)</),
    pathOf(/<initrd>(.*?)</),
    pathOf(/<source file='(.*?)'/),
  ];
  const base = JSON.parse(
    await succeed(['qemu-img', 'info', '-U', '-f', 'qcow2', '--output=json', disk]),
  ) as { 'backing-filename': string; 'virtual-size': number };
  await succeed(['cp', kernel, initrd, dir]);
  const image = join(dir, 'disk.qcow2');
  await succeed([
    'qemu-img',
    'create',
    '-q',
    '-f',
    'qcow2',
    '-F',
    'raw',
    '-b',
    resolve(dirname(disk), base['backing-filename']),
    image,
    String(base['virtual-size']),
  ]);
  const mine = xml
    .replace(/<uuid>.*?<\/uuid>/, '<uuid>99999999-9999-4999-8999-999999999999</uuid>')
    .replace(/<name>.*?<\/name>/, '<name>by-hand</name>')
    .replace(/<metadata>[\s\S]*?<\/metadata>/, '')
    .replaceAll(kernel, join(dir, 'kernel'))
    .replaceAll(initrd, join(dir, 'initrd'))
    .replaceAll(disk, image)
    .replace(/<log file='.*?'.*?\/>/, '')
    .replace(/<source mode='bind' path='.*?'\/>/, '')
    .replace(/<graphics[\s\S]*?<\/graphics>/, '');
  const file = join(dir, 'guest.xml');
  await writeFile(file, mine);
  const began = Date.now();
  await cluster.exec('virsh', '-q', 'define', file);
  await cluster.exec('virsh', '-q', 'start', 'by-hand');
  const running = Date.now() - began;
  await firstPing(cluster, ipv4, mac);
  const ping = Date.now() - began;
  await cluster.exec('virsh', '-q', 'destroy', 'by-hand');
  await cluster.exec('virsh', '-q', 'undefine', 'by-hand');
  await rm(dir, { recursive: true });
  return { running, ping };
}

async function firstPing(cluster: Cluster, ipv4: string, mac: string): Promise<void> {
  await cluster.exec('ip', 'neigh', 'replace', ipv4, 'lladdr', mac, 'dev', 'gantry0', 'nud', 'reachable');
  const [command = '', ...args] = cluster.enter(['ping', '-n', '-i', '0.02', '-W', '0.1', ipv4]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const chunk of child.stdout) if (String(chunk).includes('bytes from')) break;
  child.kill('SIGKILL');
}

const middle = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const spread = (values: number[]): string =>
  `${middle(values)} (${Math.min(...values)}..${Math.max(...values)})`;

function tell(what: string, ours: Times[], theirs: Times[]): void {
  for (const key of ['running', 'ping'] as const) {
    const [a, b] = [ours.map((t) => t[key]), theirs.map((t) => t[key])];
    const name = `${what}, submit -> ${key === 'running' ? 'QEMU running' : 'first ping'}`;
    console.log(
      `${name.padEnd(46)} gantry ${spread(a).padEnd(22)} by hand ${spread(b).padEnd(22)} ms   +${middle(a) - middle(b)} ms`,
    );
  }
}

const cluster = await startCluster();
try {
  const base = (
    await succeed([
      'sh',
      '-c',
      `ls ${process.env['GANTRY_CACHE'] ?? '/var/cache/gantry'}/debootstrap/*.raw | head -n 1`,
    ])
  ).trim();
  await cluster.ok(
    'image',
    'import',
    base,
    '--name',
    'imported',
    '--format',
    'raw',
    '--kernel',
    'node',
    '--initrd',
    'node',
    '--root',
    '/dev/vda',
    '-q',
  );
  console.log(
    `${ROUNDS} rounds each, ms, median (min..max); load ${(await readFile('/proc/loadavg', 'utf8')).split(' ')[0]}`,
  );
  for (const [what, image] of [
    ['built-in OS provider', 'debian/12'],
    ['imported image', 'imported'],
  ] as const) {
    const ours: Times[] = [];
    const theirs: Times[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const { times, xml, ipv4, mac } = await byGantry(cluster, image);
      await cluster.exec('virsh', '-q', 'destroy', /<name>(.*?)</.exec(xml)?.[1] ?? '');
      await cluster.ok('instance', 'stop', 'bench', '--force', '-q');
      const hand = await byHand(cluster, xml, ipv4, mac);
      await cluster.ok('instance', 'delete', 'bench', '--yes', '-q');
      if (round < 0) continue; // the first fills the caches
      ours.push(times);
      theirs.push(hand);
    }
    tell(what, ours, theirs);
  }
} finally {
  await cluster.stop();
}
