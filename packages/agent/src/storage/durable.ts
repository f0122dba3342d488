/** Files that are whole or not there, also after a power cut. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export async function syncPath(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a finished file its final name: content first, then the name, both durable when it returns. */
export async function publish(partial: string, final: string): Promise<void> {
  await syncPath(partial);
  await rename(partial, final);
  await syncPath(dirname(final));
}

/** Whole or as before, root's alone; not yet durable. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const partial = `${path}.partial`;
  await rm(partial, { force: true }); // one that a crash left may have another mode
  await writeFile(partial, content, { mode: 0o600 });
  await rename(partial, path);
}

/** A copy that is root's alone, its content durable before it has its name; blocks are shared where the file system can. */
export async function copyDurably(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await copyFile(from, partial, constants.COPYFILE_FICLONE);
  await chmod(partial, 0o600);
  await syncPath(partial);
  await rename(partial, to);
}

/** Removes files durably; those that are not there count as removed. */
export async function removeDurably(...paths: string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  for (const directory of new Set(paths.map(dirname))) {
    await syncPath(directory).catch(ignoreMissing);
  }
}

/** A new file that reads as zeros; it must not exist. */
export async function makeSparse(path: string, sizeBytes: number, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}

/** Directories that QEMU, which runs as another user, may pass through but not list. */
export async function makeDirectories(...paths: string[]): Promise<void> {
  for (const path of paths) await mkdir(path, { recursive: true, mode: 0o711 });
}

/** Names in a directory; none when it is not there. */
export async function listNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

/** Removes the names in a directory that `which` says. */
export async function removeMatching(directory: string, which: (name: string) => boolean): Promise<void> {
  const paths = (await listNames(directory)).filter(which).map((name) => join(directory, name));
  if (paths.length > 0) await removeDurably(...paths);
}

export function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
