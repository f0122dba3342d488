/** A Debian guest that runs, its settings as they change, and what somebody does to it with another tool. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceDiff } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let domain: string;

beforeAll(async () => {
  cluster = await startCluster();
  const spec = ['--vcpus', '1', '--memory', '512M', '--disk', '2G'];
  await cluster.ok('flavor', 'create', 'plain', ...spec, '--property', 'hw:watchdog_action=reset');
  await cluster.ok('launch', 'debian/12', 'web1', '--flavor', 'plain', '--until', 'ping');
  domain = (await diff()).instance;
});
afterAll(async () => {
  expect(await cluster.stop()).toEqual(nothingLeft);
});

const diff = () => cluster.json<InstanceDiff>('instance', 'diff', 'web1');
const virsh = (...words: string[]) => cluster.exec('virsh', '--quiet', ...words);
const brief = ({ differences }: InstanceDiff) =>
  differences.map(({ path, cause, applies }) => [path.replace('/domain/', ''), cause, applies]);

test('untouched it differs in nothing, and says so in one line', async () => {
  expect(await diff()).toMatchObject({ name: 'web1', compared: 'running', differences: [] });
  const line = 'web1: the running guest is as its settings would make it now\n';
  expect(await cluster.ok('diff', 'web1', '--exit-code')).toBe(line);
});

test('a changed flavor: what an instance made anew would get', async () => {
  const properties = ['hw:watchdog_action=pause', 'hw_rng:allowed=false'].flatMap((one) => [
    '--property',
    one,
  ]);
  await cluster.ok('flavor', 'set', 'plain', ...properties);
  const found = await diff();
  expect(brief(found)).toEqual([
    ['devices/watchdog/@action', 'settings', 'rebuild'],
    ['devices/rng', 'settings', 'rebuild'],
  ]);
  expect(found.differences[0]).toMatchObject({
    now: 'reset',
    wanted: 'pause',
    level: 'flavor',
    source: 'hw:watchdog_action',
  });
  const shown = await cluster.ok('instance', 'diff', 'web1');
  expect(shown).toMatch(
    /^ {2}devices\/watchdog\/@action +reset +pause +flavor \(hw:watchdog_action\): .* rebuild /m,
  );
  const { code, stderr } = await cluster.gantry(['diff', 'web1', '--exit-code']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('[guest_differs]')]);
  await cluster.ok(
    'flavor',
    'set',
    'plain',
    '--property',
    'hw:watchdog_action=reset',
    '--property',
    'hw_rng:allowed=true',
  );
  expect(await diff()).toMatchObject({ differences: [] });
});

test('changed by hand: memory taken and a disk plugged in, gone after the next start', async () => {
  const extra = join(cluster.dir, 'extra.img');
  await writeFile(extra, Buffer.alloc(2 ** 20));
  await virsh('attach-disk', domain, extra, 'vdb', '--live');
  // The guest's balloon driver comes with its other drivers, some time after the first ping.
  await until('the balloon', async () => {
    await virsh('setmem', domain, '400M', '--live');
    return (await diff()).differences.some(({ path }) => path === '/domain/currentMemory');
  });
  const found = await diff();
  expect(brief(found)).toEqual([
    ['currentMemory', 'foreign', 'live'],
    ['devices/disk[vdb]', 'foreign', 'live'],
  ]);
  expect(found.differences[1]?.now).toContain(extra);
  expect(await cluster.ok('diff', 'web1')).toMatch(/\nChanged by hand\n/);
  await cluster.ok('instance', 'stop', 'web1');
  expect(await diff()).toMatchObject({ compared: 'definition', differences: [] });
  await cluster.ok('instance', 'start', 'web1');
  expect(await diff()).toMatchObject({ compared: 'running', differences: [] });
});

test('what is not there is refused', async () => {
  expect(await cluster.gantry(['diff', 'web9'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[not_found]'),
  });
  await cluster.kill9('libvirtd');
  const { code, stderr } = await cluster.gantry(['diff', 'web1']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('[hypervisor_unreachable]')]);
  await cluster.start();
  await until('libvirt', async () => (await cluster.gantry(['diff', 'web1'])).code === 0);
  await cluster.kill9('agent');
  expect(await cluster.gantry(['diff', 'web1'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('[node_unreachable]'),
  });
  await cluster.start();
});
