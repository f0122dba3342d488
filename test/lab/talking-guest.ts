import {
  al,
  ax,
  bootImage,
  dx,
  HLT,
  IN_AL,
  type Item,
  JMP,
  JZ,
  jump,
  label,
  OUT_AL,
  SERIAL,
  SERIAL_STATUS,
  STI,
} from './boot-sector.ts';

/** Text that is read from the disk: sectors 2 to 33, to 0x7e00. */
const SECTORS = 32;
const TEXT_AT = 0x7e00;

/** In a text: half a second of silence. */
export const PAUSE = '\u0001';

const word = (value: number): Item[] => [value & 0xff, value >> 8];
const [LODSB, CMP_AL, BIOS_TIMER_TICKS] = [0xac, 0x3c, 9];
const LOOP = 0xe2;

const PROGRAM: readonly Item[] = [
  ...[0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0], // cld; ds = es = 0
  // The BIOS reads: function 2, `dl` is still the disk that it booted.
  ...[...ax(0x0200 | SECTORS), 0xbb, ...word(TEXT_AT), 0xb9, ...word(2), 0xb6, 0, 0xcd, 0x13],
  ...[0xbe, ...word(TEXT_AT)],
  label('next'),
  ...[LODSB, CMP_AL, 0, jump(JZ, 'end'), CMP_AL, PAUSE.charCodeAt(0), jump(JZ, 'pause'), 0x88, 0xc3],
  label('wait'),
  ...[...dx(SERIAL_STATUS), IN_AL, 0xa8, 0x20, jump(JZ, 'wait')],
  ...[0x88, 0xd8, ...dx(SERIAL), OUT_AL, jump(JMP, 'next')],
  label('pause'),
  ...[0xb9, ...word(BIOS_TIMER_TICKS)],
  label('tick'),
  ...[STI, HLT, jump(LOOP, 'tick'), jump(JMP, 'next')],
  label('end'),
  ...[...al(0), STI, HLT, jump(JMP, 'end')],
];

/** A guest that writes this text to its first serial port, pauses and all, and then waits for ever. ASCII, 16 KiB. */
export function talkingGuestImage(text: string): Buffer {
  const data = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
  if (data.length >= SECTORS * 512) throw new Error(`the text has ${data.length} bytes`);
  return bootImage(PROGRAM, data);
}
