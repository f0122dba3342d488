/** What tests need and what takes minutes to make: made once, and kept beside the other bases. */
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mirrorFor, readAptSources } from '../../packages/agent/src/os/debootstrap/apt-sources.ts';
import { withFileLock } from '../../packages/agent/src/process/file-lock.ts';
import { isolated } from '../../packages/agent/src/process/isolated.ts';
import { CACHE } from './cluster.ts';
import { succeed } from './run.ts';

export interface Recipe {
  /** Folder of the cache. */
  readonly folder: string;
  /** All that decides what comes out. */
  readonly contents: unknown;
  /** Of the name, which is otherwise a digest of the contents. */
  readonly suffix?: string;
  /** Makes a file or a folder at `result`; `work` is a folder for the rest, removed afterwards. */
  readonly make: (work: string, result: string) => Promise<void>;
}

/** Path of what the recipe makes: whole, or not there. */
export async function madeOnce({ folder, contents, suffix = '', make }: Recipe): Promise<string> {
  const place = join(CACHE, folder);
  const digest = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 16);
  const result = join(place, digest + suffix);
  await mkdir(place, { recursive: true });
  const { signal } = new AbortController();
  await withFileLock(join(place, 'lock'), () => ensure(place, result, make), { signal });
  return result;
}

async function ensure(place: string, result: string, make: Recipe['make']): Promise<void> {
  const isThere = await access(result).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const killed = (await readdir(place)).filter((name) => name.startsWith('making-'));
  for (const name of killed) await rm(join(place, name), { recursive: true });
  const work = await mkdtemp(join(place, 'making-'));
  try {
    await make(work, join(work, 'result'));
    await rename(join(work, 'result'), result);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Debian 12 of this machine's mirror with these packages besides what every Debian has. Takes some minutes. */
export async function debootstrap(tree: string, packages: readonly string[]): Promise<void> {
  const mirror = mirrorFor(await readAptSources(), 'bookworm');
  if (!mirror) throw new Error('apt of this machine knows no mirror of bookworm');
  const cached = join(CACHE, 'debootstrap', 'packages');
  await mkdir(cached, { recursive: true });
  const options = ['--variant=minbase', `--include=${packages.join(',')}`, `--cache-dir=${cached}`];
  await succeed([...isolated, 'debootstrap', ...options, 'bookworm', tree, mirror], { limitMs: 900_000 });
}
