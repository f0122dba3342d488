import { writeFile } from 'node:fs/promises';
import {
  al,
  ax,
  bootImage,
  bytes32,
  dx,
  HLT,
  IN_AL,
  IN_AX,
  type Item,
  JMP,
  JNZ,
  JZ,
  jump,
  label,
  OUT_AL,
  OUT_AX,
  onKey,
  SERIAL,
  SERIAL_STATUS,
  STI,
  WIDE,
} from './boot-sector.ts';

/**
 * A guest in 512 bytes: a boot sector for SeaBIOS on QEMU's `pc` machine that obeys the power button and its serial
 * console. It prints `>` once it is up, echoes what it reads, and on
 * `q` powers off, on `r` resets itself, on `p` panics (needs `<panic model='isa'/>`), on `w` arms its watchdog, which
 * fires 2 s later: then it prints `W`, or `0` where there is none.
 */
// Ports: PIIX4 power management as SeaBIOS places it (0x600), reset control, ISA panic device, PCI configuration.
const PM_STATUS = 0x600;
const PM_ENABLE = 0x602;
const PM_CONTROL = 0x604;
const RESET = 0xcf9;
const PANIC = 0x505;
const PCI_ADDRESS = 0xcf8;
const PCI_DATA = 0xcfc;

/** Of the i6300esb: vendor and device, and its registers in PCI configuration space. */
const I6300ESB = 0x25ab8086;
const [CONFIG, LOCK] = [0x60, 0x68];
/** A tick of 1 us, so from its full count of 2^20 it fires its second stage after 2 s; no interrupt at the first. */
const FAST_CLOCK = 0x07;
const ENABLE = 0x02;
const [MOV_EAX_EBX, MOV_EBX, OR_AL, CMP_EAX] = [
  [WIDE, 0x89, 0xd8],
  [WIDE, 0xbb],
  0x0c,
  [WIDE, 0x3d],
] as const;
const [ADD_EBX, CMP_EBX] = [
  [WIDE, 0x81, 0xc3],
  [WIDE, 0x81, 0xfb],
] as const;
/** Makes a register of the device that ebx addresses the one behind PCI_DATA. */
const select = (register: number): Item[] => [
  ...[...MOV_EAX_EBX, OR_AL, register, ...dx(PCI_ADDRESS), WIDE, OUT_AX, ...dx(PCI_DATA)],
];

/** Looks for the watchdog on the first bus, arms it and goes to `say` with `W`, or with `0` where there is none. */
function armWatchdog(): Item[] {
  return [
    label('watchdog'),
    ...[...MOV_EBX, ...bytes32(0x8000_0000)],
    label('scan'),
    ...[...select(0), WIDE, IN_AX, ...CMP_EAX, ...bytes32(I6300ESB), jump(JZ, 'arm')],
    ...[...ADD_EBX, ...bytes32(0x100), ...CMP_EBX, ...bytes32(0x8001_0000), jump(JNZ, 'scan')],
    ...[...al('0'.charCodeAt(0)), jump(JMP, 'say')],
    label('arm'),
    ...[...select(CONFIG), ...ax(FAST_CLOCK), OUT_AX],
    ...[...select(LOCK), ...al(ENABLE), OUT_AL],
    ...al('W'.charCodeAt(0)),
  ];
}

/** @param greeting what it prints once it is up */
const program = (greeting: string): readonly Item[] => [
  ...[...dx(PM_ENABLE), ...ax(0x0100), OUT_AX],
  ...[...al(greeting.charCodeAt(0)), ...dx(SERIAL), OUT_AL],
  label('poll'),
  ...[...dx(PM_STATUS), IN_AX, 0xf6, 0xc4, 0x01, jump(JNZ, 'off')],
  ...[...dx(SERIAL_STATUS), IN_AL, 0xa8, 0x01, jump(JNZ, 'key')],
  // The BIOS timer wakes it 18 times a second: an idle guest costs next to nothing.
  ...[STI, HLT, jump(JMP, 'poll')],
  label('key'),
  ...[...dx(SERIAL), IN_AL, OUT_AL],
  ...[...onKey('q', 'off'), ...onKey('r', 'reset'), ...onKey('p', 'panic'), ...onKey('w', 'watchdog')],
  label('again'),
  jump(JMP, 'poll'),
  label('off'),
  ...[...dx(PM_CONTROL), ...ax(0x2000), OUT_AX, jump(JMP, 'poll')],
  label('reset'),
  ...[...dx(RESET), ...al(6), OUT_AL, jump(JMP, 'poll')],
  label('panic'),
  ...[...dx(PANIC), ...al(1), OUT_AL, jump(JMP, 'again')],
  ...armWatchdog(),
  label('say'),
  ...[...dx(SERIAL), OUT_AL, jump(JMP, 'again')],
];

/** The disk image. Its code may lie anywhere, so a CD can bear it too. */
export const tinyGuestImage = (greeting = '>'): Buffer => bootImage(program(greeting));

export async function writeTinyGuest(path: string): Promise<void> {
  await writeFile(path, tinyGuestImage(), { mode: 0o644 });
}

/** XML of the tiny guest: emulated (`type='qemu'`), 32 MiB, a serial console, and a panic device. */
export function tinyGuestXml(options: { name: string; uuid: string; disk: string; extra?: string }): string {
  const { name, uuid, disk, extra = '' } = options;
  return `<domain type='qemu'>
  <name>${name}</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>${extra}
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='vda' bus='virtio'/><readonly/></disk>
    <serial type='pty'/><console type='pty'/><panic model='isa'/>
  </devices>
</domain>`;
}
