/** A machine with two NUMA cells: guests with cells of their own get another size, and the one of before again. */
import type { Instance, InstanceDiff, Node } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyGuestImage } from '../lab/tiny-guest.ts';
import { startVirtualNode, type VirtualNode } from '../lab/virtual-node.ts';
import { until } from '../lab/wait.ts';

let node: VirtualNode;
const gantry = (...args: string[]): Promise<string> => node.exec('gantry', ...args);
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await gantry(...args, '-o', 'json')) as T;

beforeAll(async () => {
  node = await startVirtualNode({ cells: 2 });
  const input = tinyGuestImage().toString('base64');
  await node.run(['sh', '-c', 'base64 -d >/var/tmp/tiny.raw'], { input });
  const init = ['cluster', 'init', '--yes', '--name', 'lab', '--node', 'node1'];
  // On a busy machine it may give up waiting; a further run completes what is missing.
  await until('the cluster', () => gantry(...init), { limitMs: 1_500_000 });
  await gantry('image', 'import', '/var/tmp/tiny.raw', 'tiny');
});
afterAll(() => node.stop());

async function flavor(name: string, vcpus: number, memory: string, specs: readonly string[]): Promise<void> {
  const sizes = ['--vcpus', String(vcpus), '--memory', memory, '--disk', '64M'];
  await gantry('flavor', 'create', name, ...sizes, ...specs.flatMap((one) => ['--property', one]));
}
const create = (name: string, of: string) =>
  gantry('instance', 'create', name, '--image', 'tiny', '--flavor', of, '--nic', 'default,ip=none');
const remove = (name: string) => gantry('instance', 'delete', name, '--yes');
const idOf = async (name: string) => (await json<Instance>('instance', 'show', name)).id;
const virsh = async (verb: string, name: string, ...args: string[]) =>
  node.exec('virsh', '-q', '-c', 'qemu:///system', verb, await idOf(name), ...args);
const definition = (name: string) => virsh('dumpxml', name, '--inactive');

/** Size of each cell as QEMU has it. */
async function cellsOf(name: string): Promise<string[]> {
  const told = await virsh('qemu-monitor-command', name, '--hmp', 'info numa');
  return [...told.matchAll(/node \d size: (\d+ MB)/g)].map(([, size = '']) => size);
}

/** CPUs and cells that the threads of its vCPUs may use, as the kernel knows it. */
async function allowed(name: string): Promise<string[]> {
  const pid = (await node.exec('pgrep', '--full', `^[^ ]*qemu-system.*${await idOf(name)}`)).trim();
  const status = await node.exec('sh', '-c', `cat /proc/${pid}/task/*/status`);
  const threads = [
    ...status.matchAll(
      /^Name:\s+CPU (\d+)\/[\s\S]*?^Cpus_allowed_list:\s+(\S+)[\s\S]*?^Mems_allowed_list:\s+(\S+)/gm,
    ),
  ];
  return threads.map(([, vcpu, cpus, cells]) => `vCPU ${vcpu} on ${cpus}, memory of ${cells}`).toSorted();
}

/** Bytes of which cell its memory is bound to, as the kernel has it: `bind:0`. */
async function bindings(name: string): Promise<string[]> {
  const pid = (await node.exec('pgrep', '--full', `^[^ ]*qemu-system.*${await idOf(name)}`)).trim();
  const maps = await node.exec('cat', `/proc/${pid}/numa_maps`);
  return [...new Set([...maps.matchAll(/bind(?:=static)?:(\S+)/g)].map(([, cell = '']) => cell))].toSorted();
}

const unchanged = async (name: string) =>
  expect(await json<InstanceDiff>('instance', 'diff', name)).toMatchObject({
    compared: 'running',
    differences: [],
  });

test('the node tells both of its cells, with a CPU each', async () => {
  const told = async () => (await json<Node>('node', 'show', 'node1')).status.facts?.hardware?.cells;
  const cells = await until('the node’s hardware', told, { limitMs: 300_000 });
  expect(cells.map(({ cores }) => cores)).toEqual([[[0]], [[1]]]);
});

test('a guest with two cells is resized, taken back, and resized for good', async () => {
  await flavor('cells', 2, '64M', ['hw:numa_nodes=2']);
  await flavor('larger', 2, '160M', [
    'hw:numa_nodes=2',
    'hw:numa_cpus.0=0',
    'hw:numa_cpus.1=1',
    'hw:numa_mem.0=96',
    'hw:numa_mem.1=64',
  ]);
  await create('db1', 'cells');
  const before = await definition('db1');
  expect(await cellsOf('db1')).toEqual(['32 MB', '32 MB']);
  expect(await bindings('db1')).toEqual(['0', '1']);

  const plan = await gantry('instance', 'resize', 'db1', '--flavor', 'larger', '--plan');
  expect(plan).toMatch(/NUMA cell 0: 96 MiB on cell \d of the node/);
  await gantry('instance', 'resize', 'db1', '--flavor', 'larger');
  expect(await cellsOf('db1')).toEqual(['96 MB', '64 MB']);
  expect(await bindings('db1')).toEqual(['0', '1']);
  await unchanged('db1');

  await gantry('instance', 'resize', 'db1', '--revert');
  expect(await definition('db1')).toBe(before);
  expect(await cellsOf('db1')).toEqual(['32 MB', '32 MB']);

  await gantry('instance', 'resize', 'db1', '--flavor', 'larger');
  await gantry('instance', 'resize', 'db1', '--confirm');
  expect(await cellsOf('db1')).toEqual(['96 MB', '64 MB']);
  await unchanged('db1');
  await remove('db1');
});

test('from one cell to two with a CPU of its own in each, and back to the same CPU', async () => {
  await flavor('own', 1, '64M', ['hw:cpu_policy=dedicated']);
  await flavor('own2', 2, '64M', ['hw:cpu_policy=dedicated', 'hw:numa_nodes=2']);
  await create('db1', 'own');
  const before = await allowed('db1');
  expect(before).toHaveLength(1);
  await gantry('instance', 'resize', 'db1', '--flavor', 'own2');
  expect((await allowed('db1')).map((one) => one.replace(/,.*/, ''))).toEqual(['vCPU 0 on 0', 'vCPU 1 on 1']);
  expect(await cellsOf('db1')).toEqual(['32 MB', '32 MB']);
  await gantry('instance', 'resize', 'db1', '--revert');
  expect(await allowed('db1')).toEqual(before);
  await unchanged('db1');
  await remove('db1');
});

test('more cells than the node has are refused, also to one that runs', async () => {
  await flavor('three', 3, '96M', ['hw:numa_nodes=3']);
  await create('db1', 'cells');
  const ran = await node.run(['gantry', 'instance', 'resize', 'db1', '--flavor', 'three']);
  expect([ran.code, ran.stderr]).toEqual([6, expect.stringContaining('[cannot_grow]')]);
  expect(ran.stderr).toMatch(/numa-cells: 3 cells needed, 2 cells free/);
  expect(await cellsOf('db1')).toEqual(['32 MB', '32 MB']);
  await unchanged('db1');
  await remove('db1');
});
