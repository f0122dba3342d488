/** Small files that are replaced as a whole, whenever the power goes. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../storage/durable.ts';

/**
 * Puts `text` in the place of the file: a new file, synced, renamed over it, the directory synced. A reader sees the
 * old or the new one; when it returns the new one is on the disk. Two writers of one file must take turns.
 * @throws the system's error (ENOSPC, EACCES ...); the old file is then as it was
 */
export async function writeDurably(path: string, text: string, mode = 0o600): Promise<void> {
  await replace(path, text, mode, true);
  await syncPath(dirname(path));
}

/** The same for what need not survive a power cut: a reader sees the old or the new one, whenever we are killed. */
export const replaceFile = (path: string, text: string, mode = 0o600): Promise<void> =>
  replace(path, text, mode, false);

/**
 * In two steps: what may fail for want of space is done when this returns, `put` only renames.
 * @throws the system's error; nothing has changed then
 */
export async function prepareFile(
  path: string,
  text: string,
  mode = 0o600,
): Promise<{ put(): Promise<void> }> {
  const temporary = await writeBeside(path, text, mode, false);
  return { put: () => rename(temporary, path) };
}

async function replace(path: string, text: string, mode: number, sync: boolean): Promise<void> {
  const temporary = await writeBeside(path, text, mode, sync);
  await rename(temporary, path).catch((error: unknown) => giveUp(temporary, error));
}

/** @returns its path: the file's own with `.new` */
async function writeBeside(path: string, text: string, mode: number, sync: boolean): Promise<string> {
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, 'w', mode);
    try {
      await file.chmod(mode); // an earlier .new keeps its own mode; umask does not count here
      await file.writeFile(text);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    return temporary;
  } catch (error) {
    return giveUp(temporary, error);
  }
}

async function giveUp(temporary: string, error: unknown): Promise<never> {
  await rm(temporary, { force: true }).catch(() => undefined);
  throw error;
}
