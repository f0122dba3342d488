/** Kernels that newer ones have replaced, in the cache of the node. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing } from '../../storage/durable.ts';

/**
 * Guests have copies of their own; a build or start that found the kit before it was replaced still reads it. No operation
 * lasts as long as this.
 */
const UNUSED_AFTER_MS = 86_400_000;

export const SCRATCH = 'partial.';

/** Folders that a newer kit replaced long ago. @param pointer names the present one; written when that came */
export async function oldKits(
  root: string,
  pointer: string,
  present: string,
  nowMs: number,
): Promise<string[]> {
  const since = await stat(pointer).catch(ignoreMissing);
  if (!since || nowMs - since.mtimeMs < UNUSED_AFTER_MS) return [];
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== present && !entry.name.startsWith(SCRATCH))
    .map(({ name }) => name);
}

/** Under the lock. Killed halfway, what is left has a name that nobody reads, and goes with the next one. */
export async function removeKits(root: string, names: readonly string[], uuid: () => string): Promise<void> {
  for (const name of names) {
    await rename(join(root, name), join(root, `${SCRATCH}${uuid()}`)).catch(ignoreMissing);
  }
  await removeFolders(root, (name) => name.startsWith(SCRATCH));
}

export async function removeFolders(root: string, which: (name: string) => boolean): Promise<void> {
  for (const name of (await readdir(root)).filter(which))
    await rm(join(root, name), { recursive: true, force: true });
}
