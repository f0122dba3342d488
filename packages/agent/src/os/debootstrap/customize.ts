/**
 * What is changed in a fresh debootstrap tree so that it is a guest which boots quickly. Done with plain files in a
 * tree of our own making, before it becomes an image.
 */
import { appendFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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

const after = (unit: string): string => `[Unit]\nAfter=${unit}\n`;

function files(parameters: DebootstrapParameters, rootUuid: string): Record<string, string> {
  return {
    // Grown by systemd to the size of its disk; no fsck at boot (ext4 replays its journal at the mount).
    'etc/fstab': `UUID=${rootUuid} / ${parameters.filesystem} defaults,errors=remount-ro,x-systemd.growfs 0 0\n`,
    'etc/hostname': 'localhost\n',
    // Empty, not absent: an identity is written at the first boot, and units are not preset anew.
    'etc/machine-id': '',
    'etc/resolv.conf': '',
    'etc/ssh/sshd_config.d/gantry.conf':
      'PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n',
    // With one virtual CPU they would take their time from sshd, and none is needed for it.
    'etc/systemd/system/systemd-logind.service.d/gantry.conf': after('ssh.service'),
    'etc/systemd/system/qemu-guest-agent.service.d/gantry.conf': after('ssh.service'),
    'etc/systemd/system/serial-getty@.service.d/gantry.conf': after('ssh.service'),
    'etc/systemd/system/getty@.service.d/gantry.conf': after('ssh.service'),
    // Only written to by what runs in the guest, and kept small there.
    'etc/systemd/journald.conf.d/gantry.conf': '[Journal]\nSystemMaxUse=64M\n',
  };
}

export async function customize(
  tree: string,
  parameters: DebootstrapParameters,
  kit: BootKit,
  rootUuid: string,
  signal: AbortSignal,
): Promise<void> {
  for (const [path, content] of Object.entries(files(parameters, rootUuid)))
    await put(join(tree, path), content);
  await replaceByLink(join(tree, 'var/lib/dbus/machine-id'), '/etc/machine-id');
  await appendFile(
    join(tree, 'etc/apt/sources.list'),
    parameters.sideSources.map((line) => `${line}\n`).join(''),
  );
  await enable(tree, 'systemd-networkd.service', signal);
  await removeLeftovers(tree);
  if (parameters.consoleLogin === 'root') await emptyRootPassword(join(tree, 'etc/shadow'));
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

async function enable(tree: string, unit: string, signal: AbortSignal): Promise<void> {
  await run(['chroot', tree, 'systemctl', '--quiet', 'enable', unit], { signal });
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

async function emptyRootPassword(shadow: string): Promise<void> {
  const lines = await readFile(shadow, 'utf8');
  await writeFile(shadow, lines.replace(/^root:[^:]*:/m, 'root::'));
}
