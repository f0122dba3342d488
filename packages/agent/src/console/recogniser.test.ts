import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freshBoot, judge, LATE_S, SILENT_MS, take } from './recogniser.ts';

const after = (...lines: string[]) => lines.reduce(take, freshBoot);
const reasons = (lines: string[], silentMs = 0) =>
  judge(after(...lines), silentMs).map(({ reason }) => reason);

const linux = '[    0.000000] Linux version 6.1.0-56-cloud-amd64 (gcc-12)';
const audit = "[   12.248050] audit: type=1130 audit(1555723526.906:79): pid=1 uid=0 msg='unit=systemd'";
const crng = (atS: number) => `[${String(atS).padStart(5)}.103725] random: crng init done`;

test.each([
  ['[    1.502312] Kernel panic - not syncing: VFS: Unable to mount root fs', 'KernelPanic'],
  ['[    1.5] Kernel panic - not syncing', 'KernelPanic'],
  ['<0>[    1.502312] Kernel panic - not syncing: Attempted to kill init!', 'KernelPanic'],
  ['panic: vm_fault: fault on nofault entry', 'KernelPanic'],
  ['You are in emergency mode. After logging in, type "journalctl -xb"', 'EmergencyMode'],
  ['\u001b[0;1;31mYou are in emergency mode\u001b[0m', 'EmergencyMode'],
  ['[[0;32m  OK  [0m] Reached target [0;1;39memergency.target[0m - Emergency Mode.', 'EmergencyMode'],
  ['Entering emergency mode. Exit the shell to continue.', 'EmergencyMode'],
  ['You are in rescue mode. After logging in, type', 'RescueMode'],
  ['ALERT!  UUID=abc does not exist.  Dropping to a shell!', 'InitramfsShell'],
  ['(initramfs) ', 'InitramfsShell'],
  ['gantry: root device /dev/vda does not appear; a shell on this console follows', 'InitramfsShell'],
  ['No bootable device.', 'NoBootableDisk'],
  ['No bootable device.  Retrying in 60 seconds.', 'NoBootableDisk'],
  ['No bootable option or device was found.', 'NoBootableDisk'],
  ['FATAL: No bootable medium found! System halted.', 'NoBootableDisk'],
  ['No more network devices', 'NoBootableDisk'],
  ['Operating System not found', 'NoBootableDisk'],
  ['grub rescue> ', 'BootLoaderStuck'],
])('%s: %s', (line, reason) => {
  expect(reasons([line])).toEqual([reason]);
});

test.each([
  'Booting from Hard Disk...',
  'Boot failed: not a bootable disk', // the next one may be
  'iPXE (https://ipxe.org) 00:03.0 CA00 PCI2.10 PnP PMM',
  'web1 login: ',
  'kernel: panic_on_oops is not set',
  '[   11.1] systemd[1]: Condition check resulted in Emergency Shell being skipped.',
])('%s means nothing', (line) => {
  expect(reasons([line])).toEqual([]);
});

describe('random numbers', () => {
  test.each([
    ['early', [linux, crng(2)], 10 * SILENT_MS, []],
    ['just in time', [linux, crng(LATE_S - 1)], 0, []],
    ['late', [linux, audit, crng(1061)], 0, ['EntropyLate']],
    ['late, whatever follows', [audit, crng(1061), 'web1 login: '], 0, ['EntropyLate']],
    ['not there, and the boot goes on', [linux, audit], SILENT_MS - 1, []],
    ['not there, and the boot stands still', [linux, audit], SILENT_MS, ['EntropyMissing']],
    ['not there, but the guest is up', [linux, audit, 'Debian GNU/Linux 12 web1 ttyS0'], SILENT_MS, []],
    ['not told of: a quiet kernel', ['something of a boot loader'], 10 * SILENT_MS, []],
    ['not there, as it panicked', [linux, 'Kernel panic - not syncing'], SILENT_MS, ['KernelPanic']],
  ] as const)('%s', (_name, lines, silentMs, wanted) => {
    expect(reasons([...lines], silentMs)).toEqual(wanted);
  });
});

test.each([linux, 'SeaBIOS (version 1.16.2-debian-1.16.2-1)', 'UEFI firmware (version 2022.11)'])(
  'a new boot forgets: %s',
  (line) => {
    expect(reasons(['Kernel panic - not syncing: x', crng(1061), line])).toEqual([]);
  },
);

test('whatever a guest writes, nothing is thrown and what is told stays short and printable', () => {
  const words = ['Kernel panic - not syncing: ', '[ 99999999.1] random: crng init done', '\u001b[', '\u0000'];
  const line = fc
    .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...words)))
    .map((all) => all.join(''));
  fc.assert(
    fc.property(fc.array(line), fc.nat(), (lines, silentMs) => {
      for (const { detail } of judge(after(...lines), silentMs)) {
        expect(detail.length).toBeLessThan(200);
        expect(detail).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }
    }),
  );
});
