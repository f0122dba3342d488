import { statfs } from 'node:fs/promises';
import { err, formatBytes } from '@gantry/model';
import { ProcessError } from '../process/run.ts';

/** Bytes that can still be written below a path, by those who are not privileged to use the reserve. */
export type FreeBytes = (path: string) => Promise<number>;

export const freeBytes: FreeBytes = async (path) => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};

/**
 * A disk is thin, but it must be able to become what it promises: one that the file system can never hold is refused.
 * @throws GantryError `disk_too_large`
 */
export async function requireSpace(sizeBytes: number, directory: string, free: FreeBytes): Promise<void> {
  const available = await free(directory);
  if (available >= sizeBytes) return;
  throw err('disk_too_large', {
    size: formatBytes(sizeBytes),
    why: `the file system of ${directory} has ${formatBytes(available)} free`,
  });
}

/** What a full file system said, in our words; anything else as it is. */
export function describeFull(error: unknown, where: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const full =
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    (error instanceof ProcessError && /No space left on device|Disk quota exceeded/.test(error.stderr));
  return full ? err('no_space', { where }, error) : error;
}
