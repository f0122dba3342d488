/** A backup as one file: a tar with a manifest that names every file in it with its SHA-256. Nothing else is taken from it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import { sha256 } from '../sha256.ts';
import { syncFolder } from './files.ts';
import { run } from './programs.ts';

const FORMAT = 'gantry-backup 1';
const MANIFEST = 'manifest.json';

export interface Manifest {
  format: typeof FORMAT;
  version: string;
  at: string;
  cluster: { id: string; name: string };
  instances: number;
  /** Path in the archive -> SHA-256, hex. */
  files: Record<string, string>;
}

/** Everything below the folder into a new file, which only root may read: keys are in it. @throws GantryError */
export async function pack(
  folder: string,
  about: Omit<Manifest, 'format' | 'files'>,
  file: string,
): Promise<void> {
  const names = filesIn(folder);
  const files = Object.fromEntries(names.map((name) => [name, digest(join(folder, name))]));
  const manifest: Manifest = { format: FORMAT, ...about, files };
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  const draft = `${file}.new`;
  refuseExisting(file);
  rmSync(draft, { force: true });
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    const remedy = 'Free space there, or choose another place.';
    await run('tar', ['--create', '--file', draft, '--directory', folder, '--', MANIFEST, ...names], remedy);
    sync(draft);
    renameSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** @throws GantryError `name_taken` */
export function refuseExisting(file: string): void {
  if (existsSync(file)) throw err('name_taken', { kind: 'file', name: file });
}

/** Into an empty folder. @throws GantryError `bad_backup` where it is not whole, or not ours */
export async function unpack(file: string, folder: string): Promise<Manifest> {
  mkdirSync(folder, { mode: 0o700 });
  const extract = [
    '--extract',
    '--no-same-owner',
    '--no-same-permissions',
    '--file',
    file,
    '--directory',
    folder,
  ];
  await run('tar', extract, 'Choose a file that `gantry cluster backup` wrote.').catch((error: unknown) => {
    throw err('bad_backup', { file, why: 'tar cannot read it' }, error);
  });
  const manifest = manifestOf(join(folder, MANIFEST));
  if (manifest?.format !== FORMAT) throw err('bad_backup', { file, why: 'it has no manifest of a backup' });
  const there = filesIn(folder).filter((name) => name !== MANIFEST);
  const strange = there.find((name) => manifest.files[name] === undefined);
  if (strange !== undefined) throw err('bad_backup', { file, why: `${strange} is not in its manifest` });
  for (const [name, sum] of Object.entries(manifest.files))
    if (!there.includes(name) || digest(join(folder, name)) !== sum)
      throw err('bad_backup', { file, why: `${name} is damaged or missing` });
  return manifest;
}

function manifestOf(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** Plain files, by their paths below the folder. @throws GantryError `bad_backup` for links and devices */
function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.filter((name) => {
    const stat = lstatSync(join(folder, name));
    if (stat.isDirectory()) return false;
    if (stat.isFile()) return true;
    throw err('bad_backup', { file: name, why: 'it is neither file nor folder' });
  });
}

const digest = (path: string): string => sha256(readFileSync(path)).toString('hex');

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
