/** The disk that virtual nodes start from, with kernel, initramfs and the key to it: of Debian's packages, without a mount. */
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debootstrap, madeOnce } from './made-once.ts';
import { succeed } from './run.ts';

/** What a machine must have to run guests: nothing can be downloaded in a virtual node. */
const needed = readFileSync(fileURLToPath(new URL('../../script/lib/packages', import.meta.url)), 'utf8')
  .split(/^# for tests/m)[0]
  ?.split('\n')
  .flatMap((line) => /^[a-z0-9.+-]+/.exec(line)?.[0] ?? []);

const packages = [
  ...['systemd-sysv', 'dbus', 'udev', 'openssh-server', 'linux-image-cloud-amd64', 'initramfs-tools'],
  'libpam-systemd', // the logind of polkit: debootstrap does not look for who provides a virtual package
  ...(needed ?? []),
];

const files: Readonly<Record<string, string>> = {
  'etc/hostname': 'node1\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 node1\n',
  // Empty: each node that boots gives itself one.
  'etc/machine-id': '',
  'etc/fstab': '/dev/vda / ext4 defaults 0 1\n/dev/vdb /opt/gantry ext4 ro 0 0\n',
  'etc/systemd/network/eth0.network': '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\n',
  // An emulated machine has little time for what nobody looks at. Empty: masked.
  ...Object.fromEntries(
    ['e2scrub_reap.service', 'systemd-networkd-wait-online.service', 'libvirt-guests.service'].map((unit) => [
      `etc/systemd/system/${unit}`,
      '',
    ]),
  ),
};

const links: Readonly<Record<string, string>> = {
  'etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
    '/lib/systemd/system/systemd-networkd.service',
  'usr/local/bin/gantry': '/opt/gantry/bin/gantry',
};

/** systemd would make it the machine's own: all would have one id, and their bonds and bridges one MAC. */
const removed = ['var/lib/dbus/machine-id'];

const DISK = '6G';
const contents = [packages, files, links, removed, DISK, 1];

/** A folder with disk.qcow2, vmlinuz, initrd.img and key. The first call takes some minutes. */
export const virtualNodeBase = (): Promise<string> =>
  madeOnce({ folder: 'test-virtual-node', contents, make: build });

async function build(work: string, result: string): Promise<void> {
  const [tree, raw] = [join(work, 'tree'), join(work, 'disk.raw')];
  await mkdir(result, { mode: 0o700 });
  await debootstrap(tree, packages);
  for (const folder of ['opt/gantry', 'root/.ssh']) await mkdir(join(tree, folder), { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await symlink(target, join(tree, path));
  }
  for (const path of removed) await rm(join(tree, path), { force: true });
  await succeed(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(result, 'key')]);
  await copyFile(join(result, 'key.pub'), join(tree, 'root/.ssh/authorized_keys'));
  for (const name of ['vmlinuz', 'initrd.img']) await copyFile(join(tree, name), join(result, name));
  await succeed(['truncate', '--size', DISK, raw]);
  await succeed(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', tree, raw]);
  await succeed(['qemu-img', 'convert', '-O', 'qcow2', '-f', 'raw', raw, join(result, 'disk.qcow2')]);
}
