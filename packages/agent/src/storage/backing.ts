/** Which base an overlay stands on, read from its header by our own parser; nothing is probed or opened besides. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseQcow2Header, QCOW2_HEADER_BYTES } from '@gantry/model';

/** The first bytes of a file, at most QCOW2_HEADER_BYTES. */
export async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(QCOW2_HEADER_BYTES), 0, QCOW2_HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * File name of the base that a qcow2 file stands on; `none` when it stands alone, `unreadable` when its header cannot
 * be read: it may then stand on any.
 */
export async function backingOf(path: string): Promise<{ base: string } | 'none' | 'unreadable'> {
  try {
    const { backingFile } = parseQcow2Header(await readHead(path));
    return backingFile === undefined ? 'none' : { base: basename(backingFile) };
  } catch {
    return 'unreadable';
  }
}
