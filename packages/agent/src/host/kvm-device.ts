/**
 * May QEMU's user open /dev/kvm? libvirt asks the same before it uses what it knows of QEMU: where the device opens but
 * QEMU, when it was examined, could not use it, libvirt takes its knowledge for outdated and examines QEMU anew at each
 * definition of a guest (virQEMUCapsIsValid), which takes 7 to 10 s. Nothing that the agent could ask of libvirt spares
 * that; the device's mode does.
 */
import { readFile, stat } from 'node:fs/promises';

export interface User {
  uid: number;
  gid: number;
}

export interface KvmDeviceFiles {
  device: string;
  passwd: string;
  group: string;
}

const files: KvmDeviceFiles = { device: '/dev/kvm', passwd: '/etc/passwd', group: '/etc/group' };

/** False where the device is not there. */
export async function opensKvm(
  user: User,
  { device, passwd, group }: KvmDeviceFiles = files,
): Promise<boolean> {
  try {
    const [node, users, groups] = await Promise.all([
      stat(device),
      readFile(passwd, 'utf8'),
      readFile(group, 'utf8'),
    ]);
    return permits(node, user, groupsOf(user, users, groups));
  } catch {
    return false;
  }
}

/** POSIX: the class of the user decides alone; root may all. */
export function permits(
  { uid, gid, mode }: { uid: number; gid: number; mode: number },
  user: User,
  groups: readonly number[],
): boolean {
  if (user.uid === 0) return true;
  const shift = user.uid === uid ? 6 : groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & 0o6) === 0o6;
}

/** Its own and those that it is a member of. */
export function groupsOf({ uid, gid }: User, passwd: string, group: string): number[] {
  const name = rows(passwd).find(([, , id]) => Number(id) === uid)?.[0];
  const member = rows(group).filter(
    ([, , , members = '']) => name !== undefined && members.split(',').includes(name),
  );
  return [gid, ...member.map(([, , id]) => Number(id))];
}

const rows = (text: string): string[][] => text.split('\n').map((line) => line.split(':'));
