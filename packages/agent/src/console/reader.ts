/**
 * Reads on in a console log that virtlogd writes and rotates (`console.log` becomes `console.log.0` at 2 MiB). What the
 * guest writes is not ours to bound, so what is read at a time, and how far behind we may fall, is.
 */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { ignoreMissing } from '../storage/durable.ts';

/** A place in a file that may have been renamed since. */
export interface Position {
  inode: number;
  offset: number;
}

export interface Read {
  bytes: Uint8Array;
  position: Position;
  /** Something between what was read before and these bytes was passed over. */
  gap: boolean;
}

/** At a time. */
const CHUNK_BYTES = 256 * 1024;
/** A guest that writes faster than we read loses the middle, not its last words. */
export const MOST_BEHIND_BYTES = 2 ** 20;

/** The end of the log now; a guest that never ran has none. */
export async function endOf(path: string): Promise<Position> {
  const found = await stat(path).catch(ignoreMissing);
  return found ? { inode: found.ino, offset: found.size } : { inode: 0, offset: 0 };
}

/** What was written after `from`, or as much of it as may be read at once. Nothing new: no bytes. */
export async function readOn(path: string, from: Position): Promise<Read> {
  const rest = await tailOfRotated(`${path}.0`, from);
  if (rest && rest.bytes.length > 0) return rest;
  const file = await open(path, 'r').catch(ignoreMissing);
  if (!file) return { bytes: new Uint8Array(), position: from, gap: false };
  try {
    const { ino, size } = await file.stat();
    const same = ino === from.inode && size >= from.offset;
    const start = same ? from.offset : 0;
    // A file that was cut, and one that took the place of a file we never finished, leave a gap.
    return await chunk(file, ino, start, size, !same && from.offset > 0 && !rest);
  } finally {
    await file.close();
  }
}

async function tailOfRotated(path: string, from: Position): Promise<Read | undefined> {
  const file = await open(path, 'r').catch(ignoreMissing);
  if (!file) return undefined;
  try {
    const { ino, size } = await file.stat();
    return ino === from.inode && size >= from.offset
      ? await chunk(file, ino, from.offset, size, false)
      : undefined;
  } finally {
    await file.close();
  }
}

async function chunk(
  file: FileHandle,
  inode: number,
  from: number,
  size: number,
  gap: boolean,
): Promise<Read> {
  const start = Math.max(from, size - MOST_BEHIND_BYTES);
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size - start));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return {
    bytes: buffer.subarray(0, bytesRead),
    position: { inode, offset: start + bytesRead },
    gap: gap || start > from,
  };
}
