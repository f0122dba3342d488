/** Disks that come, go, grow and are limited while a real guest runs, as its user and the guest see it. */
import type { Disk, Instance, Operation } from '@gantry/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../lab/cluster.ts';
import { examplesOf } from '../../lab/examples.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let address: string;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.ok('launch', 'debian/12', 'web1', '--until', 'ssh', '--ssh-key', `${cluster.sshKey}.pub`);
  address = (await cluster.json<Instance>('instance', 'show', 'web1')).spec.nics[0]?.ipv4 ?? '';
});
afterAll(() => cluster.stop());

const inside = async (command: string): Promise<string> => {
  const { code, stdout, stderr } = await cluster.ssh(address, command);
  expect(code, `${command}: ${stderr}`).toBe(0);
  return stdout.trim();
};
const disk = (ref: string) => cluster.json<Disk>('disk', 'show', ref);
const serial = async (ref: string) => (await disk(ref)).id.slice(0, 20);
const attached = async () => (await cluster.json<Instance>('instance', 'show', 'web1')).spec.disks.length;

/** Its udev begins after ssh answers, and takes what went meanwhile for what came in its place. */
const booted = () => cluster.ssh(address, 'systemctl is-system-running --wait; udevadm settle');

test('as the documentation shows it', async () => {
  await booted();
  const examples = examplesOf('docs/instance-life.md', 'Disks');
  for (const command of examples.commands) {
    const confirmed = command.startsWith('disk delete') ? ['--yes'] : [];
    await cluster.ok(...examples.take(command), ...confirmed);
    if (command.startsWith('disk grow')) expect((await disk('data')).spec.sizeBytes).toBe(20 * 2 ** 30);
  }
  expect(examples.left()).toEqual([]);
  expect(await attached()).toBe(1);
  await until('the disk is gone', async () => !(await cluster.ok('disk', 'list')).includes('data'));
  await inside('udevadm settle');
});

test('a disk of its own is there before any guest has it', async () => {
  await cluster.ok('disk', 'create', 'data', '--size', '64M');
  expect((await disk('data')).status.state).toBe('unplaced');
  expect(await cluster.gantry(['disk', 'create', 'data', '--size', '1G'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[name_taken]'),
  });
});

test('attached, it appears in the running guest by its serial number, and holds what is written', async () => {
  await cluster.ok('instance', 'disk', 'attach', 'web1', 'data', '--limit', 'write-iops=500');
  const path = `/dev/disk/by-id/virtio-${await serial('data')}`;
  await until(
    'the disk in the guest',
    async () => (await cluster.ssh(address, `test -b ${path}`)).code === 0,
  );
  expect(await inside(`blockdev --getsize64 ${path}`)).toBe(String(64 * 2 ** 20));
  await inside(`echo kept | dd of=${path} conv=fsync 2>/dev/null`);
  expect(await cluster.ok('instance', 'diff', 'web1')).toContain('is as its settings');
  expect(await cluster.ok('instance', 'show', 'web1')).toMatch(
    /devices\/disk\[vdb\] .*instance \(disks\[1\]\)/,
  );
});

test('it is attached once: to nobody else, and not deleted', async () => {
  expect(await cluster.gantry(['instance', 'disk', 'attach', 'web1', 'data'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[disk_attached]'),
  });
  expect(await cluster.gantry(['disk', 'delete', 'data', '--yes'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[disk_attached]'),
  });
});

test('limits are set while it runs; what QEMU cannot change waits, and both are said', async () => {
  const said = await cluster.ok(
    ...['instance', 'disk', 'set', 'web1:1', '--limit', 'write-iops=1000', '--cache', 'writethrough'],
  );
  expect(said).toMatch(/limits.writeIops +500 +1000 +now/);
  expect(said).toMatch(/cache +- +writethrough +at next start/);
  const [domain = ''] = (await cluster.exec('virsh', '-c', 'qemu:///system', 'list', '--name'))
    .trim()
    .split('\n');
  expect(await cluster.exec('virsh', '-c', 'qemu:///system', 'blkdeviotune', domain, 'vdb')).toMatch(
    /write_iops_sec *: 1000/,
  );
  expect(await cluster.gantry(['instance', 'diff', 'web1'])).toMatchObject({
    stdout: expect.stringMatching(/cache .*none +writethrough .*next-start/),
  });
  await cluster.ok('instance', 'disk', 'set', 'web1:1', '--unset', 'cache');
});

test('it grows under the running guest, which sees it', async () => {
  await cluster.ok('disk', 'grow', 'web1:1', '+64M');
  const path = `/dev/disk/by-id/virtio-${await serial('data')}`;
  // its kernel hears of it by an interrupt
  await until('the size in the guest', async () => {
    return (await inside(`blockdev --getsize64 ${path}`)) === String(128 * 2 ** 20);
  });
  expect((await disk('data')).spec.sizeBytes).toBe(128 * 2 ** 20);
  expect(await cluster.gantry(['disk', 'grow', 'data', '1M'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no disk shrinks'),
  });
});

test('detached, it is gone from the guest, keeps its bytes, and comes back elsewhere in the guest', async () => {
  const path = `/dev/disk/by-id/virtio-${await serial('data')}`;
  await cluster.ok('instance', 'disk', 'detach', 'web1', 'data');
  // udev removes the link after the kernel gave the disk up
  await until('its link is gone', async () => (await inside(`test -e ${path} || echo gone`)) === 'gone');
  expect((await disk('data')).spec.instance).toBeUndefined();
  expect(await attached()).toBe(1);
  await cluster.ok('instance', 'disk', 'attach', 'web1', 'data', '--bus', 'scsi', '--read-only');
  const scsi = `/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_${await serial('data')}`;
  await until('the SCSI disk', async () => (await cluster.ssh(address, `test -b ${scsi}`)).code === 0);
  expect(await inside(`head -c 4 ${scsi}`)).toBe('kept');
  expect((await cluster.ssh(address, `dd if=/dev/zero of=${scsi} count=1`)).code).not.toBe(0);
  await cluster.ok('instance', 'disk', 'detach', 'web1', '1');
});

test('the boot disk stays as long as the guest runs; what cannot be plugged waits for the next start', async () => {
  expect(await cluster.gantry(['instance', 'disk', 'detach', 'web1', '0'])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[stop_first]'),
  });
  const plan = await cluster.ok('instance', 'disk', 'attach', 'web1', 'data', '--bus', 'sata', '--plan');
  expect(plan).toContain('at its next start');
});

test('a guest that does not listen keeps it, everything says so, and stopped it lets go', async () => {
  const was = await cluster.json<Instance>('instance', 'show', 'web1');
  expect(was.spec.disks).toHaveLength(1);
  await cluster.ok('instance', 'set', 'web1', '--kernel-args', 'acpiphp.disable=1');
  await cluster.ok('instance', 'stop', 'web1');
  await cluster.ok('instance', 'disk', 'attach', 'web1', 'data');
  await cluster.ok('instance', 'start', 'web1', '--until', 'ssh');
  const detach = ['instance', 'disk', 'detach', 'web1', 'data', '--deadline', '45s'];
  const { code, stderr } = await cluster.gantry(detach);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('[device_kept]') });
  expect((await disk('data')).spec.instance).toBe(was.id);
  expect(await attached()).toBe(2);
  expect(await cluster.ok('instance', 'diff', 'web1')).toContain('is as its settings');
  await cluster.ok('instance', 'stop', 'web1', '--force');
  await cluster.ok('instance', 'disk', 'detach', 'web1', 'data');
  expect(await attached()).toBe(1);
});

test('an attached disk outlives its instance; then it can be deleted, and nothing is left of it', async () => {
  await cluster.ok('instance', 'disk', 'attach', 'web1', 'data');
  expect(await cluster.ok('instance', 'delete', 'web1', '--plan')).toContain('keep disk data');
  await cluster.ok('instance', 'delete', 'web1', '--yes');
  expect(await disk('data')).toMatchObject({ status: { state: 'ready' } });
  const operations = await cluster.json<Operation[]>('op', 'list');
  expect(operations.every(({ status }) => status.endedAt !== undefined)).toBe(true);
  await cluster.ok('disk', 'delete', 'data', '--yes');
  await until('the disk is gone', async () => (await cluster.json<Disk[]>('disk', 'list')).length === 0);
});
