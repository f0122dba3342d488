/**
 * The screen of a guest in VGA text mode, read out of its memory: firmware speaks there and nowhere else when it finds
 * nothing to boot. A guest in another mode has something else there, which reads as lines of rubbish.
 */
import { type LibvirtClient, virDomainMemoryFlags } from '@gantry/libvirt';
import { lookAtRunning, type Membership } from './look.ts';

/** Mode 3: 80 columns, 25 rows, a character and its colours in two bytes each, from here on. */
const TEXT_AT = 0xb8000;
const COLUMNS = 80;
const ROWS = 25;

export async function readScreen(lv: LibvirtClient, instance: string, member: Membership): Promise<string[]> {
  const found = await lookAtRunning(lv, instance, member);
  if (!found) return [];
  const flags = virDomainMemoryFlags.VIR_MEMORY_PHYSICAL;
  const size = COLUMNS * ROWS * 2;
  return screenLines(await lv.domainMemoryPeek({ dom: found.dom, offset: TEXT_AT, size, flags }));
}

/** ASCII only: what firmware says is. */
export function screenLines(memory: Uint8Array): string[] {
  const rows = Array.from({ length: ROWS }, (_, row) =>
    Array.from({ length: COLUMNS }, (_cell, column) => memory[(row * COLUMNS + column) * 2] ?? 0),
  );
  return rows.map((row) =>
    row
      .map((code) => (code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : ' '))
      .join('')
      .trimEnd(),
  );
}
