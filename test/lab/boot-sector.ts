/** Programs of one boot sector (loaded at 0x7c00 in real mode) for guests that need no operating system. */
const SECTOR_BYTES = 512;
const SIGNATURE_AT = 510;

/** Serial port COM1 and its line status. */
export const SERIAL = 0x3f8;
export const SERIAL_STATUS = 0x3fd;

export type Item = number | { readonly label: string } | { readonly jump: number; readonly to: string };

export const label = (name: string): Item => ({ label: name });
export const dx = (port: number): Item[] => [0xba, port & 0xff, port >> 8];
export const al = (value: number): Item[] => [0xb0, value];
export const ax = (value: number): Item[] => [0xb8, value & 0xff, value >> 8];
export const JZ = 0x74;
export const JNZ = 0x75;
export const JMP = 0xeb;
export const [IN_AL, OUT_AL, IN_AX, OUT_AX, STI, HLT] = [0xec, 0xee, 0xed, 0xef, 0xfb, 0xf4] as const;
/** Before an instruction: 32 bits instead of 16. */
export const WIDE = 0x66;
export const bytes32 = (value: number): Item[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
export const jump = (jump: number, to: string): Item => ({ jump, to });
export const onKey = (key: string, to: string): Item[] => [0x3c, key.charCodeAt(0), jump(JZ, to)];

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
      const distance = target - code.length - 2;
      if (distance < -128 || distance > 127) throw new Error(`${item.to} is too far away`);
      code.push(item.jump, distance & 0xff);
    }
  }
  return Buffer.from(code);
}

/** An image of 1 MiB with that boot sector, and `data` from the second sector on. */
export function bootImage(program: readonly Item[], data: Buffer = Buffer.alloc(0)): Buffer {
  const code = assemble(program);
  if (code.length > SIGNATURE_AT) throw new Error(`the program takes ${code.length} bytes`);
  const image = Buffer.alloc(2 ** 20);
  code.copy(image);
  image.writeUInt16LE(0xaa55, SIGNATURE_AT);
  data.copy(image, SECTOR_BYTES);
  return image;
}
