import { writeFile } from 'node:fs/promises';

/**
 * A guest in 512 bytes: a boot sector for SeaBIOS on QEMU's `pc` machine that obeys the power button and its serial
 * console. It prints `>` once it is up, echoes what it reads, and on
 * `q` powers off, on `r` resets itself, on `p` panics (needs `<panic model='isa'/>`).
 */
const SECTOR_BYTES = 512;

// Ports: ISA serial, PIIX4 power management as SeaBIOS places it (0x600), reset control, ISA panic device.
const SERIAL = 0x3f8;
const SERIAL_STATUS = 0x3fd;
const PM_STATUS = 0x600;
const PM_ENABLE = 0x602;
const PM_CONTROL = 0x604;
const RESET = 0xcf9;
const PANIC = 0x505;

type Item = number | { readonly label: string } | { readonly jump: number; readonly to: string };

const label = (name: string): Item => ({ label: name });
const dx = (port: number): Item[] => [0xba, port & 0xff, port >> 8];
const al = (value: number): Item[] => [0xb0, value];
const ax = (value: number): Item[] => [0xb8, value & 0xff, value >> 8];
const JZ = 0x74;
const JNZ = 0x75;
const JMP = 0xeb;
const [IN_AL, OUT_AL, IN_AX, OUT_AX, STI, HLT] = [0xec, 0xee, 0xed, 0xef, 0xfb, 0xf4];
const jump = (jump: number, to: string): Item => ({ jump, to });
const onKey = (key: string, to: string): Item[] => [0x3c, key.charCodeAt(0), jump(JZ, to)];

const PROGRAM: readonly Item[] = [
  ...[...dx(PM_ENABLE), ...ax(0x0100), OUT_AX],
  ...[...al('>'.charCodeAt(0)), ...dx(SERIAL), OUT_AL],
  label('poll'),
  ...[...dx(PM_STATUS), IN_AX, 0xf6, 0xc4, 0x01, jump(JNZ, 'off')],
  ...[...dx(SERIAL_STATUS), IN_AL, 0xa8, 0x01, jump(JNZ, 'key')],
  // The BIOS timer wakes it 18 times a second: an idle guest costs next to nothing.
  ...[STI, HLT, jump(JMP, 'poll')],
  label('key'),
  ...[...dx(SERIAL), IN_AL, OUT_AL],
  ...[...onKey('q', 'off'), ...onKey('r', 'reset'), ...onKey('p', 'panic'), jump(JMP, 'poll')],
  label('off'),
  ...[...dx(PM_CONTROL), ...ax(0x2000), OUT_AX, jump(JMP, 'poll')],
  label('reset'),
  ...[...dx(RESET), ...al(6), OUT_AL, jump(JMP, 'poll')],
  label('panic'),
  ...[...dx(PANIC), ...al(1), OUT_AL, jump(JMP, 'poll')],
];

const sizeOf = (item: Item): number => (typeof item === 'number' ? 1 : 'label' in item ? 0 : 2);

function assemble(program: readonly Item[]): Buffer {
  const labels = new Map<string, number>();
  let at = 0;
  for (const item of program) {
    if (typeof item === 'object' && 'label' in item) labels.set(item.label, at);
    at += sizeOf(item);
  }
  const code: number[] = [];
  for (const item of program) {
    if (typeof item === 'number') code.push(item);
    else if ('jump' in item) {
      const target = labels.get(item.to);
      if (target === undefined) throw new Error(`no label ${item.to}`);
      code.push(item.jump, (target - code.length - 2) & 0xff);
    }
  }
  return Buffer.from(code);
}

/** The disk image: one boot sector (loaded at 0x7c00) in an image of 1 MiB. */
export function tinyGuestImage(): Buffer {
  const image = Buffer.alloc(2 ** 20);
  assemble(PROGRAM).copy(image);
  image.writeUInt16LE(0xaa55, SECTOR_BYTES - 2);
  return image;
}

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
