/** Guests that somebody defined with virsh: imported while they run, managed, and given back. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportPlan, Instance, InstanceDiff, Operation } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { type ForeignGuest, foreignXml } from '../../lab/foreign-domain.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { PAUSE, talkingGuestImage } from '../../lab/talking-guest.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
const counter = '11111111-2222-4333-8444-555555555501';
const mail = '11111111-2222-4333-8444-555555555502';

/** Counts on its serial port, twice a second: a guest that was started anew begins at 1. */
const counting = Array.from({ length: 1500 }, (_, index) => `${index + 1}\n${PAUSE}`).join('');

const virsh = (...words: string[]) => cluster.exec('virsh', '--quiet', ...words);
const definition = (name: string) => virsh('dumpxml', '--inactive', name);
/** Each number is written digit by digit: only what a line ends is whole. */
const said = async (disk: string) =>
  (await readFile(`${disk}.log`, 'latin1')).split('\n').slice(0, -1).map(Number);
const state = async (name: string) => (await cluster.json<Instance>('instance', 'show', name)).status.state;
const refused = async (...words: string[]) => {
  const { code, stderr } = await cluster.gantry(words);
  return { code, stderr };
};

let disk: string;
let before: string;
let pid: number;

const define = async (options: ForeignGuest, change = (text: string) => text) => {
  const file = join(cluster.dir, `${options.uuid}.xml`);
  await writeFile(file, change(foreignXml(options)));
  await virsh('define', file);
};
const nicXml = (mac: string, bridge: string) =>
  `<interface type='bridge'><mac address='${mac}'/><source bridge='${bridge}'/><model type='virtio'/></interface>`;
const rawWords = `<qemu:commandline><qemu:arg value='-boot'/><qemu:arg value='menu=off'/></qemu:commandline></domain>`;
const mac = '52:54:00:00:77:01';

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.exec('ip', 'link', 'add', 'br0', 'type', 'bridge');
  await cluster.exec('ip', 'link', 'set', 'br0', 'up');
  const office = ['--mode', 'bridge', '--bridge', 'br0', '--subnet', '10.1.0.0/24'];
  await cluster.ok('network', 'create', 'office', ...office);
  disk = join(cluster.dir, 'counter.img');
  await writeFile(disk, talkingGuestImage(counting), { mode: 0o644 });
  await define({ name: 'Counter', uuid: counter, disk, devices: nicXml(mac, 'br0') }, (text) =>
    text.replace('</domain>', rawWords),
  );
  await virsh('autostart', 'Counter');
  await virsh('start', 'Counter');
  before = await definition('Counter');
  pid = (await cluster.processes('qemu'))[0]?.hostPid ?? 0;
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

test('what could be imported is listed, and a plan says what stays as it is', async () => {
  await until('the node’s report', async () =>
    /node1 +Counter +running +32 MiB/.test(await cluster.ok('instance', 'import', '--list')),
  );
  expect(await refused('instance', 'import', 'Counter')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--name'),
  });
  expect(await refused('instance', 'import', 'nobody')).toMatchObject({ code: 3 });
  const wish = ['instance', 'import', 'Counter', '--name', 'counter', '--address', `${mac}=10.1.0.9`];
  const { plan, domain } = await cluster.json<ImportPlan>(...wish, '--plan');
  expect(plan).toEqual([
    'import domain Counter of node1 as instance counter: it stays running',
    'count 1 vCPU and 32 MiB of it on node1',
    `NIC ${mac} on bridge br0: its addresses (10.1.0.9) are reserved, and it is not filtered`,
    `disk vda ${disk}: stays where it is`,
    'disk hdc is empty: stays where it is',
    'libvirt starts it no more when the node boots: Gantry does',
    'every start gives it the hardware of its definition in libvirt, unchanged',
  ]);
  expect(domain.kept.map(({ path, why }) => `${path}: ${why}`)).toEqual([
    '/domain/devices/disk[vda]: a file that is not Gantry’s: never moved, copied, grown or deleted',
    '/domain/devices/disk[hdc]: a cdrom as it stands: Gantry neither changes nor ejects what is in it',
    '/domain/qemu:commandline: words for QEMU itself, of which Gantry knows nothing',
  ]);
  expect(await cluster.json<Instance[]>('instance', 'list')).toEqual([]);
  expect(await definition('Counter')).toBe(before);
});

test('imported it is the same QEMU, and counts on', async () => {
  const count = (await said(disk)).at(-1) ?? 0;
  const wish = ['instance', 'import', 'Counter', '--name', 'counter', '--address', `${mac}=10.1.0.9`];
  await cluster.ok(...wish);
  expect(await state('counter')).toBe('running');
  expect((await cluster.processes('qemu')).map(({ hostPid }) => hostPid)).toContain(pid);
  await until('it counts on', async () => ((await said(disk)).at(-1) ?? 0) > count + 2);
  const numbers = await said(disk);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  const { spec, id } = await cluster.json<Instance>('instance', 'show', 'counter');
  expect([id, spec.nics]).toMatchObject([counter, [{ mac, ipv4: '10.1.0.9', filter: 'off' }]]);
  expect(await virsh('dominfo', 'Counter')).toMatch(/Autostart: +disable/);
  expect(await cluster.json<InstanceDiff>('instance', 'diff', 'counter')).toMatchObject({
    compared: 'running',
    differences: [],
  });
  expect(await refused(...wish)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('is instance counter already'),
  });
  expect(await cluster.ok('instance', 'show', 'counter')).toMatch(/^Imported$/m);
});

test('what is not Gantry’s to change is refused', async () => {
  const wishes = [
    ['instance', 'set', 'counter', '--memory', '64M'],
    ['instance', 'resize', 'counter', '--vcpus', '2'],
    ['instance', 'nic', 'attach', 'counter', '--network', 'office'],
    ['instance', 'move', 'counter', '--stop'],
    ['instance', 'rescue', 'counter'],
  ];
  for (const words of wishes) {
    const { code, stderr } = await refused(...words);
    expect([words[1], code, stderr]).toEqual([words[1], 5, expect.stringContaining('[hardware_kept]')]);
  }
  expect(await refused('logs', 'counter')).toMatchObject({
    stderr: expect.stringContaining('[not_supported]'),
  });
  await cluster.ok('instance', 'set', 'counter', '--on-crash', 'stop');
  expect(await cluster.ok('node', 'drain', 'node1', '--plan')).toMatch(/counter.*was imported/);
});

test('agent, controller and libvirtd die, and it is the same guest', async () => {
  await cluster.kill9('agent', 'server', 'libvirtd');
  await cluster.start();
  await until('it is told of', async () => (await state('counter')) === 'running');
  expect((await cluster.processes('qemu')).map(({ hostPid }) => hostPid)).toContain(pid);
  const numbers = await said(disk);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});

test('given back it counts on, its definition is as before, and it can be imported again', async () => {
  await cluster.ok('instance', 'release', 'counter', '--yes');
  expect(await cluster.json<Instance[]>('instance', 'list')).toEqual([]);
  expect(await definition('Counter')).toBe(before);
  expect(await virsh('dominfo', 'Counter')).toMatch(/Autostart: +enable/);
  expect((await cluster.processes('qemu')).map(({ hostPid }) => hostPid)).toContain(pid);
  await cluster.ok('instance', 'import', 'Counter', '--name', 'counter2');
  expect(await state('counter2')).toBe('running');
  await cluster.ok('instance', 'release', 'counter2', '--yes');
  expect(await definition('Counter')).toBe(before);
  const numbers = await said(disk);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});

test('a stopped one is imported, started with its own hardware, and deleted without its disk', async () => {
  const file = join(cluster.dir, 'mail.img');
  await writeTinyGuest(file);
  await define({ name: 'mail', uuid: mail, disk: file });
  const own = await definition('mail');
  await cluster.ok('instance', 'import', 'mail');
  expect(await state('mail')).toBe('stopped');
  await cluster.ok('instance', 'start', 'mail');
  expect(await state('mail')).toBe('running');
  const hardware = (text: string) => text.replace(/<metadata>.*<\/metadata>/s, '');
  expect(hardware(await definition('mail'))).toBe(hardware(own));
  await until('it is up', async () => (await readFile(`${file}.log`, 'latin1')).includes('>'));
  await virsh('setvcpus', 'mail', '2', '--config', '--maximum');
  expect(await cluster.json<InstanceDiff>('instance', 'diff', 'mail')).toMatchObject({
    differences: [
      { path: '/domain/vcpu/@current', wanted: '1', applies: 'next-start' },
      { path: '/domain/vcpu', now: '1', wanted: '2', applies: 'next-start' },
    ],
  });
  await cluster.ok('instance', 'stop', 'mail');
  expect(await state('mail')).toBe('stopped');
  await cluster.ok('instance', 'start', 'mail');
  expect(await cluster.json<InstanceDiff>('instance', 'diff', 'mail')).toMatchObject({ differences: [] });
  expect(await cluster.ok('instance', 'delete', 'mail', '--plan')).toContain(`keep ${file}`);
  await cluster.ok('instance', 'delete', 'mail', '--yes');
  expect(await virsh('list', '--all', '--name')).not.toContain('mail');
  expect((await readFile(file)).length).toBeGreaterThan(0);
});

test('as the documentation shows it', async () => {
  const examples = examplesOf('docs/adoption.md');
  const ids = {
    mail: '11111111-2222-4333-8444-555555555504',
    Mail_2: '11111111-2222-4333-8444-555555555505',
  };
  const cable = nicXml('52:54:00:12:34:56', 'gantry0');
  for (const [name, uuid] of Object.entries(ids)) {
    const file = join(cluster.dir, `${name}.img`);
    await writeTinyGuest(file);
    await define({ name, uuid, disk: file, ...(name === 'Mail_2' ? { devices: cable } : {}) });
  }
  const list = examples.take('instance import --list');
  await until('the node’s report', async () => /node1 +Mail_2/.test(await cluster.ok(...list)));
  expect(await cluster.ok(...examples.take('instance import mail'))).toMatch(/import domain mail of node1/);
  await cluster.ok(...examples.take('instance import Mail_2'));
  expect(await state('mail2')).toBe('stopped');
  expect(await cluster.ok('instance', 'show', 'mail2')).toContain('192.168.77.20');
  await cluster.ok(...examples.take('instance release mail2'), '--yes');
  expect(examples.left()).toEqual([]);
  expect(await cluster.json<Instance[]>('instance', 'list', '--filter', 'name=mail2')).toEqual([]);
  for (const uuid of Object.values(ids)) await virsh('undefine', uuid);
});

test('what would do harm is refused', async () => {
  const shared = '11111111-2222-4333-8444-555555555503';
  await define({ name: 'shared', uuid: shared, disk });
  const why = async (name: string) => (await refused('instance', 'import', name)).stderr;
  expect(await why('shared')).toContain(`domain Counter has ${disk} too`);
  await virsh('undefine', 'shared');
  await define({ name: 'shared', uuid: shared, disk: join(cluster.state, 'agent', 'evil.img') });
  expect(await why('shared')).toContain('is in a folder of Gantry’s own');
  await virsh('undefine', 'shared');
  await virsh('undefine', 'Counter');
  expect(await why('Counter')).toContain('it is transient');
  await virsh('destroy', 'Counter');
});

test('undefined before its node takes it: the import fails, and nothing is left', async () => {
  const file = join(cluster.dir, 'race.img');
  await writeTinyGuest(file);
  await define({ name: 'race', uuid: mail, disk: file });
  const imports = async () => {
    const operation = await cluster.json<Operation>('instance', 'import', 'race', '--detach');
    await virsh('undefine', 'race').catch(() => undefined);
    const number = String(operation.spec.number);
    return await until('its end', async () => {
      const { status } = await cluster.json<Operation>('op', 'show', number);
      return status.endedAt === undefined ? undefined : status;
    });
  };
  const { state: ended, error } = await imports();
  // whoever is quicker: either it was managed before, or it is gone and that is said
  if (ended === 'failed') {
    expect(error?.code).toBe('not_adoptable');
    expect(await cluster.json<Instance[]>('instance', 'list')).toEqual([]);
  } else await cluster.ok('instance', 'delete', 'race', '--yes');
  expect(await virsh('list', '--all', '--name')).not.toContain('race');
  expect(JSON.parse(await cluster.ok('cluster', 'verify', '-o', 'json').catch(String))).toBeDefined();
});
