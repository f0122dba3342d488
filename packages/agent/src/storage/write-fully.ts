import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all of them at `place`. One write may be cut short, by a disk that becomes full or a limit on file sizes: it is
 * continued, and what cannot be continued says why.
 */
export async function writeFully(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  place: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, place + done);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing more could be written'), { code: 'EIO' });
    done += bytesWritten;
  }
}
