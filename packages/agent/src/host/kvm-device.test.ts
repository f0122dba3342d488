import { describe, expect, test } from 'vitest';
import { groupsOf, opensKvm, permits } from './kvm-device.ts';

const passwd = 'root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:109::/var/lib/libvirt:/usr/sbin/nologin\n';
const group = 'root:x:0:\nkvm:x:105:someone,libvirt-qemu\nlibvirt-qemu:x:64055:\ndisk:x:6:libvirt-qemu-x\n';
const qemu = { uid: 64055, gid: 64055 };

test('groups: its own, and those with it as a member', () => {
  expect(groupsOf(qemu, passwd, group)).toEqual([64055, 105]);
  expect(groupsOf({ uid: 7, gid: 8 }, passwd, group)).toEqual([8]);
});

describe('the class of the user decides alone', () => {
  test.each([
    [0o660, { uid: 0, gid: 105 }, true],
    [0o660, { uid: 0, gid: 44 }, false],
    [0o640, { uid: 0, gid: 105 }, false],
    [0o606, { uid: 0, gid: 105 }, false],
    [0o666, { uid: 0, gid: 44 }, true],
    [0o600, { uid: 64055, gid: 44 }, true],
    [0o066, { uid: 64055, gid: 44 }, false],
  ])('%o of %j', (mode, owner, opens) => {
    expect(permits({ mode, ...owner }, qemu, [64055, 105])).toBe(opens);
  });

  test('root may all', () =>
    expect(permits({ uid: 5, gid: 5, mode: 0 }, { uid: 0, gid: 0 }, [0])).toBe(true));
});

test('a device that is not there opens for nobody', async () => {
  expect(await opensKvm(qemu, { device: '/nowhere', passwd: '/etc/passwd', group: '/etc/group' })).toBe(
    false,
  );
});
