/** What cannot be: each is refused with its code, its exit code and a sentence that helps, and nothing of it is left. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { type Inventory, inventory } from '../../lab/inventory.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { succeed } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let before: Inventory;
const SILENT_PORT = 8099;

beforeAll(async () => {
  cluster = await startCluster();
  const file = (name: string) => join(cluster.dir, name);
  await writeTinyGuest(file('tiny.raw'));
  await cluster.ok('image', 'import', file('tiny.raw'), 'tiny');
  await cluster.ok('instance', 'create', 'there', ...tiny, '--nic', 'default,ip=192.168.77.50');
  await qemuImg('-b', '/etc/passwd', '-F', 'raw', file('backing.qcow2'), '1M');
  await qemuImg('-o', `data_file=${file('data')},data_file_raw=on`, file('external.qcow2'), '1M');
  await qemuImg(file('fine.qcow2'), '64M');
  await writeFile(file('no.qcow2'), 'this is no qcow2 file\n'.repeat(100));
  await writeFile(file('empty.raw'), '');
  await writeFile(file('big-user-data'), 'x'.repeat(2 ** 20));
  await cluster.ok('image', 'import', file('fine.qcow2'), 'fine');
  await listenInSilence();
  before = await inventory(cluster);
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const tiny = ['--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '64M'];
const qemuImg = (...args: string[]) => succeed(['qemu-img', 'create', '-q', '-f', 'qcow2', ...args]);

/** A mirror that takes connections and never says a word. It ends with the namespaces. */
async function listenInSilence(): Promise<void> {
  const program = `require('net').createServer(() => {}).listen(${SILENT_PORT}, '127.0.0.1')`;
  const [command = '', ...args] = cluster.enter([process.execPath, '-e', program]);
  spawn(command, args, { stdio: 'ignore' });
  await until('the silent mirror', async () =>
    (await cluster.exec('ss', '-ltn')).includes(`:${SILENT_PORT} `),
  );
}

const create = (...more: string[]) => {
  const size = more.includes('--vcpus') ? [] : ['--flavor', 'tiny'];
  return ['instance', 'create', 'new', ...size, ...more];
};
const imported = (file: string, ...more: string[]) => ['image', 'import', `DIR/${file}`, 'new', ...more];
const mirror = (url: string) => create('--os', 'debootstrap', '--disk', '2G', '--os-param', `mirror=${url}`);

test.each<[what: string, args: string[], exit: number, code: string, says: RegExp]>([
  ['an image that names a backing file', imported('backing.qcow2'), 2, 'image_unsafe', /\/etc\/passwd/],
  [
    'an image with an external data file',
    imported('external.qcow2'),
    2,
    'image_unsafe',
    /external data file/,
  ],
  ['an image that is none', imported('no.qcow2'), 2, 'image_unsafe', /not a qcow2 file/],
  ['an image without a byte', imported('empty.raw'), 2, 'image_unsafe', /empty/],
  ['an image whose format is not stated', imported('big-user-data'), 2, 'usage', /--format/],
  ['an image that is not there', imported('nowhere.raw'), 2, 'invalid_argument', /nowhere\.raw/],
  [
    'the name of another image',
    ['image', 'import', 'DIR/tiny.raw', 'fine'],
    5,
    'name_taken',
    /image fine exists/,
  ],
  [
    'a disk larger than the file system',
    create('--image', 'tiny', '--disk', '900T'),
    6,
    'disk_too_large',
    /900 TiB/,
  ],
  [
    'a disk smaller than its image',
    create('--image', 'fine', '--disk', '32M'),
    2,
    'disk_too_small',
    /64 MiB/,
  ],
  [
    'a mirror that is silent',
    mirror(`http://127.0.0.1:${SILENT_PORT}/debian`),
    1,
    'mirror_unreachable',
    /does not answer/,
  ],
  [
    'a mirror that is not there',
    mirror('http://127.0.0.1:8098/debian'),
    1,
    'mirror_unreachable',
    /ECONNREFUSED|refused/,
  ],
  [
    'a mirror that cannot be reached',
    mirror('http://192.0.2.1/debian'),
    1,
    'mirror_unreachable',
    /does not answer/,
  ],
  ['a mirror that is no URL', mirror('file:///etc'), 2, 'invalid_argument', /http/],
  [
    'a parameter that the provider does not know',
    create('--os', 'debootstrap', '--os-param', 'colour=red'),
    2,
    'invalid_argument',
    /colour/,
  ],
  [
    'an OS provider that is not there',
    create('--os', 'nothing', '--disk', '1G'),
    1,
    'os_provider_failed',
    /no OS definition/,
  ],
  [
    'the name of another instance',
    ['instance', 'create', 'there', ...tiny],
    5,
    'name_taken',
    /instance there exists/,
  ],
  [
    'the address of another instance',
    create(...tiny, '--nic', 'default,ip=192.168.77.50'),
    5,
    'address_taken',
    /192\.168\.77\.50/,
  ],
  [
    'the gateway’s address',
    create(...tiny, '--nic', 'default,ip=192.168.77.1'),
    2,
    'address_outside',
    /gateway/,
  ],
  [
    'an address of another subnet',
    create(...tiny, '--nic', 'default,ip=10.0.0.1'),
    2,
    'address_outside',
    /10\.0\.0\.1/,
  ],
  ['a network that is not there', create(...tiny, '--nic', 'nowhere'), 3, 'not_found', /network nowhere/],
  ['an image that nobody imported', create('--image', 'nothing'), 3, 'not_found', /image nothing/],
  ['more memory than the machine has', create(...tiny, '--memory', '9000G'), 6, 'no_capacity', /memory/],
  ['a size without a unit', create(...tiny, '--memory', '512'), 2, 'invalid_argument', /512/],
  [
    'user-data beyond all measure',
    create(...tiny, '--user-data', 'DIR/big-user-data'),
    2,
    'body_too_large',
    /larger than/,
  ],
  [
    'a kernel that is not there',
    create(...tiny, '--kernel', '/nowhere/vmlinuz'),
    1,
    'guest_refused',
    /\/nowhere\/vmlinuz/,
  ],
  ['a name with a slash', ['instance', 'create', '../new', ...tiny], 2, 'invalid_body', /name/],
  ['a name with a line end', ['instance', 'create', 'a\nb', ...tiny], 2, 'invalid_body', /name/],
  ['a name of 100 KB', ['instance', 'create', 'x'.repeat(100_000), ...tiny], 2, 'invalid_body', /name/],
  ['an option that is none', create(...tiny, '--colour', 'red'), 2, 'usage', /--colour/],
  ['a choice that is none', create(...tiny, '--on-crash', 'dance'), 2, 'usage', /restart, stop/],
])('%s', async (_, args, exit, code, says) => {
  const words = args.map((word) => word.replace(/^DIR/, cluster.dir));
  const refused = await cluster.gantry(words);
  expect([refused.code, /\[([a-z_]+)\]/.exec(refused.stderr)?.[1]], refused.stderr).toEqual([exit, code]);
  expect(refused.stderr).toMatch(says);
  expect(refused.stdout).toBe('');
  expect(refused.stderr.length).toBeLessThan(3000);
  // Of what was begun beside that which failed the node takes back the last after it was told.
  await expect.poll(() => inventory(cluster)).toEqual(before);
});

test('what is refused is in the record, and the cluster goes on', async () => {
  expect(await cluster.ok('op', 'list')).toMatch(/failed/);
  expect(await cluster.ok('list')).toMatch(/^there +running/m);
  await cluster.ok('instance', 'create', 'new', ...tiny);
  await cluster.ok('instance', 'delete', 'new', '--yes');
  expect(await inventory(cluster)).toEqual(before);
});

test('a create without a place says what would work, and leaves the decision behind', async () => {
  const refused = await cluster.gantry(create(...tiny.slice(0, 4), '--memory', '9000G', '--disk', '64M'));
  expect(refused.stderr).toMatch(
    /^error: no node can take new \(1 vCPU, memory 8\.8 TiB, disk 64 MiB\) +\[no_capacity\]\n/,
  );
  expect(refused.stderr).toMatch(
    /\n {2}1 node looked at: {2}1 memory \(best \S+: [\d.]+ GiB free, short by [\d.]+\)\n/,
  );
  const way = /\n {2}ways out: (--memory) (\S+)\n/.exec(refused.stderr)?.slice(1) ?? [];
  expect(way).toHaveLength(2);
  const request = /gantry placement show (req_\S+)\n/.exec(refused.stderr)?.[1] ?? '';
  const shown = await cluster.ok('placement', 'show', request);
  expect(shown).toMatch(/Ways out that were tried\n {2}--memory \S+: works\n/);
  expect(shown).toMatch(
    /NODE +VERDICT +SCORE +TEST +NEEDED +AVAILABLE +WHY\n +\S+ +refused +- +memory +8\.\d+ TiB/,
  );
  await cluster.ok(...create(...tiny.slice(0, 4), ...way, '--disk', '64M', '--plan'));
});
