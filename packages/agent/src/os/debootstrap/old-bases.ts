/**
 * Bases of kernels that newer ones have replaced, in the cache that all clusters of a machine share. Nobody asks for them any
 * more: what is asked for has the present kernel, which is one for the whole cache.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing } from '../../storage/durable.ts';

/** DIGEST.json. */
export interface BaseRecord {
  file: string;
  sha256: string;
  builtAtMs: number;
  /** Whose modules are in it. Missing: an older release built it. */
  kernel?: string;
}

/** Who was given one copies it: no operation lasts as long as this. */
const UNUSED_AFTER_MS = 86_400_000;

/** Their keys. Of what kernel one is that does not say is not guessed. */
export async function oldBases(root: string, kernel: string, nowMs: number): Promise<string[]> {
  const names = (await readdir(root).catch(ignoreMissing)) ?? [];
  const keys = names.flatMap((name) => /^([0-9a-f]{32})[.]json$/.exec(name)?.[1] ?? []);
  const old = await Promise.all(keys.map((key) => isOld(join(root, `${key}.json`), kernel, nowMs)));
  return keys.filter((_, index) => old[index]);
}

async function isOld(path: string, kernel: string, nowMs: number): Promise<boolean> {
  const [text, found] = await Promise.all([
    readFile(path, 'utf8').catch(ignoreMissing),
    stat(path).catch(ignoreMissing),
  ]);
  if (text === undefined || !found || nowMs - found.mtimeMs < UNUSED_AFTER_MS) return false;
  const { kernel: its } = JSON.parse(text) as BaseRecord;
  return its !== undefined && its !== kernel;
}

/** Under its lock. The record goes last: killed halfway, the next one completes it. */
export async function removeBase(root: string, key: string): Promise<void> {
  for (const name of await readdir(root))
    if (name.startsWith(`${key}-`) || name === `${key}.work`)
      await rm(join(root, name), { recursive: true, force: true });
  await rm(join(root, `${key}.json`), { force: true });
}
