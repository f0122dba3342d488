/**
 * What is changed in a fresh debootstrap tree so that it is a guest which boots quickly. Done with plain files in a
 * tree of our own making, before it becomes an image.
 */
import { appendFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../process/run.ts';
import type { BootKit } from '../boot-kit/boot-kit.ts';
import type { DebootstrapParameters } from './parameters.ts';

/** In every image: an init, what brings up devices and addresses, ssh, the guest agent, and the tools one expects. */
export const basePackages = [
  'systemd-sysv',
  'dbus', // systemd-logind, which makes ACPI's power button a shutdown, needs it
  'udev',
  'kmod',
  'iproute2',
  'iputils-ping',
  'procps',
  'openssh-server',
  'qemu-guest-agent',
] as const;

const afterSsh = '[Unit]\nAfter=ssh.service\n';

/**
 * ssh answers 4-5 s after the start under TCG instead of 11 s: it waits for nothing (the initramfs has mounted the root
 * file system writable and set the addresses), and has the one CPU before everybody else while booting. Its
 * configuration is checked by itself, not by a second sshd before it.
 */
const earlySsh = `[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
StartupCPUWeight=10000
ExecStartPre=
`;

/** On the serial console alone, which only the node and users of the API reach; the account itself stays locked. */
const rootOnConsole = `[Service]
ExecStart=
ExecStart=-/sbin/agetty -o '-p -f -- \\\\u' --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
`;
const CONSOLE_UNIT = 'etc/systemd/system/serial-getty@ttyS0.service.d/console.conf';

const keysOnly = `PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
`;

/** Path in the tree -> content. */
const files: Readonly<Record<string, string>> = {
  'etc/hostname': 'localhost\n',
  // Empty, not absent: an identity is written at the first boot, and units are not preset anew.
  'etc/machine-id': '',
  'etc/resolv.conf': '',
  'etc/ssh/sshd_config.d/gantry.conf': keysOnly,
  'etc/systemd/system/ssh.service.d/gantry.conf': earlySsh,
  'etc/systemd/system/systemd-logind.service.d/gantry.conf': afterSsh,
  'etc/systemd/system/qemu-guest-agent.service.d/gantry.conf': afterSsh,
  'etc/systemd/system/serial-getty@.service.d/gantry.conf': afterSsh,
  'etc/systemd/system/getty@.service.d/gantry.conf': afterSsh,
  // Disks of guests are small.
  'etc/systemd/journald.conf.d/gantry.conf': '[Journal]\nSystemMaxUse=64M\n',
};

/** Path in the tree -> what it points to. /dev/null switches off what a guest on one plain disk never needs. */
const links: Readonly<Record<string, string>> = {
  'var/lib/dbus/machine-id': '/etc/machine-id',
  'etc/systemd/system/e2scrub_reap.service': '/dev/null', // 5 s of boot; it is about LVM snapshots
  'etc/systemd/system/systemd-pstore.service': '/dev/null',
  'etc/systemd/system-generators/systemd-gpt-auto-generator': '/dev/null',
  'etc/systemd/system-generators/systemd-hibernate-resume-generator': '/dev/null',
  'etc/systemd/system-generators/systemd-veritysetup-generator': '/dev/null',
  'etc/systemd/system-generators/systemd-integritysetup-generator': '/dev/null',
};

/** Grown by systemd to the size of its disk; no fsck at boot, as the mount replays the journal. */
const fstab = (filesystem: string, rootUuid: string): string =>
  `UUID=${rootUuid} / ${filesystem} defaults,errors=remount-ro,x-systemd.growfs 0 0\n`;

/** What the recipe consists of: images made by another one are not taken for the same. */
export const recipe = { basePackages, files, links, rootOnConsole, fstab: fstab('', '') };

export async function customize(
  tree: string,
  parameters: DebootstrapParameters,
  kit: BootKit,
  rootUuid: string,
  signal: AbortSignal,
): Promise<void> {
  await removeLeftovers(tree);
  const all = { ...files, 'etc/fstab': fstab(parameters.filesystem, rootUuid) };
  for (const [path, content] of Object.entries(all)) await put(join(tree, path), content);
  for (const [path, target] of Object.entries(links)) await replaceByLink(join(tree, path), target);
  await appendFile(
    join(tree, 'etc/apt/sources.list'),
    parameters.sideSources.map((line) => `${line}\n`).join(''),
  );
  if (parameters.consoleLogin === 'root') await put(join(tree, CONSOLE_UNIT), rootOnConsole);
  await mkdir(join(tree, 'lib/modules'), { recursive: true });
  await run(['cp', '-a', '--reflink=auto', kit.modules, join(tree, 'lib/modules/')], { signal });
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, content);
}

async function replaceByLink(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink(target, path);
}

/** What every guest must have for itself, and what only building needed. */
async function removeLeftovers(tree: string): Promise<void> {
  const ssh = join(tree, 'etc/ssh');
  for (const name of await readdir(ssh)) if (name.startsWith('ssh_host_')) await rm(join(ssh, name));
  for (const folder of ['var/cache/apt/archives', 'var/lib/apt/lists', 'var/log/apt', 'debootstrap'])
    await rm(join(tree, folder), { recursive: true, force: true });
  for (const file of [
    'var/log/bootstrap.log',
    'var/log/dpkg.log',
    'var/log/alternatives.log',
    'var/lib/systemd/random-seed',
  ])
    await rm(join(tree, file), { force: true });
  for (const folder of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial', 'var/log/apt'])
    await mkdir(join(tree, folder), { recursive: true });
}
