/**
 * A cloud image as distributions publish them: a partitioned disk with a boot loader, a kernel and cloud-init, as qcow2.
 * Made of Debian's packages by debootstrap, mke2fs and grub-mkimage, without a mount or a loop device on this machine;
 * once, and kept beside the other bases.
 */
import { cp, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debootstrap, madeOnce } from './made-once.ts';
import { succeed } from './run.ts';

const MiB = 2 ** 20;
const SECTOR = 512;
const [DISK_BYTES, PARTITION_START] = [2048 * MiB, 1 * MiB];
const ROOT_UUID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';

/** TCG has no caches of a CPU to guard. */
const args = 'mitigations=off nokaslr';

/** netplan.io: what Debian's own cloud images configure the network with. */
const packages = [
  ...['systemd-sysv', 'systemd-resolved', 'dbus', 'udev', 'kmod', 'iproute2', 'openssh-server'],
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'grub-pc-bin', 'grub-common', 'e2fsprogs'],
  ...['cloud-init', 'netplan.io', 'sudo', 'python3'],
  'python3-cffi-backend', // debootstrap does not look for who provides a virtual package
];

const files: Readonly<Record<string, string>> = {
  'etc/hostname': 'localhost\n',
  'etc/machine-id': '',
  'etc/fstab': `UUID=${ROOT_UUID} / ext4 defaults,errors=remount-ro 0 1\n`,
  // What a seed may come from; else cloud-init asks every cloud there is.
  'etc/cloud/cloud.cfg.d/90-datasources.cfg': 'datasource_list: [ NoCloud, None ]\n',
  // An emulated guest has little time for what nobody looks at.
  'etc/cloud/cloud.cfg.d/91-quick.cfg': 'locale: false\nssh_genkeytypes: [ ed25519 ]\n',
  'etc/systemd/system/e2scrub_reap.service': '', // empty: masked
  'boot/grub/grub.cfg': `serial
terminal_output serial
echo "GRUB boots from the disk"
linux /vmlinuz root=UUID=${ROOT_UUID} console=ttyS0 quiet ${args}
initrd /initrd.img
boot
`,
};

const grubModules = 'biosdisk part_msdos ext2 normal linux serial terminal echo boot'.split(' ');

const contents = [packages, files, grubModules, DISK_BYTES, 1];

/** Path of the qcow2. The first call takes some minutes, and uses the mirror of this machine's apt. */
export const cloudImage = (): Promise<string> =>
  madeOnce({ folder: 'test-cloud-image', contents, suffix: '.qcow2', make: build });

async function build(work: string, result: string): Promise<void> {
  const [tree, disk] = [join(work, 'tree'), join(work, 'disk.raw')];
  await debootstrap(tree, packages);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  const prefix = '(hd0,msdos1)/boot/grub';
  const core = ['grub-mkimage', '-O', 'i386-pc', '-p', prefix, '-o', '/core.img', ...grubModules];
  await succeed(['chroot', tree, ...core]);
  const boot = await readFile(join(tree, 'usr/lib/grub/i386-pc/boot.img'));
  const image = await readFile(join(tree, 'core.img'));
  await cp(join(tree, 'usr/lib/grub/i386-pc'), join(tree, 'boot/grub/i386-pc'), { recursive: true });
  await partition(tree, disk);
  await installLoader(disk, boot, image);
  await succeed(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', disk, result]);
}

/** One partition with the tree in it. */
async function partition(tree: string, disk: string): Promise<void> {
  await succeed(['truncate', '--size', String(DISK_BYTES), disk]);
  await succeed(['sfdisk', '--quiet', disk], {
    input: `label: dos\nstart=${PARTITION_START / SECTOR}, type=83, bootable\n`,
  });
  // GRUB of Debian 12 reads no metadata_csum_seed.
  const features = ['-O', '^metadata_csum_seed', '-E', `offset=${PARTITION_START}`, '-U', ROOT_UUID];
  const blocks = `${(DISK_BYTES - PARTITION_START) / 1024}k`;
  await succeed(['mke2fs', '-q', '-F', '-t', 'ext4', ...features, '-d', tree, disk, blocks]);
}

/** boot.img into the code of the MBR, core.img right behind it: where boot.img looks for it unless it is told otherwise. */
async function installLoader(disk: string, boot: Buffer, core: Buffer): Promise<void> {
  if (SECTOR + core.length > PARTITION_START) throw new Error('core.img does not fit before the partition');
  const file = await open(disk, 'r+');
  try {
    await file.write(boot, 0, 440, 0);
    await file.write(core, 0, core.length, SECTOR);
  } finally {
    await file.close();
  }
}
