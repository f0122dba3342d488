/** A backup as one file: a tar with a manifest that names every file in it with its SHA-256. Nothing else is taken from it. */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import { fileSha256 } from '../sha256.ts';
import { syncFile, syncFolder } from './files.ts';
import { FORMAT, MANIFEST, type Manifest, readManifest } from './manifest.ts';
import { run } from './programs.ts';

/** Everything below the folder into a new file, which only root may read: keys are in it. @throws GantryError */
export async function pack(
  folder: string,
  about: Omit<Manifest, 'format' | 'files'>,
  file: string,
): Promise<void> {
  const names = filesIn(folder, folder);
  const files: Record<string, string> = {};
  for (const name of names) files[name] = await digest(join(folder, name));
  const manifest: Manifest = { format: FORMAT, ...about, files };
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  const draft = `${file}.new`;
  refuseExisting(file);
  rmSync(draft, { force: true });
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    const remedy = 'Free space there, or choose another place.';
    await run('tar', ['--create', '--file', draft, '--directory', folder, '--', MANIFEST, ...names], remedy);
    syncFile(draft);
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
  // before anything of it is opened: reading a pipe would wait for ever, and a link leads elsewhere
  const there = new Set(filesIn(folder, file));
  if (!there.delete(MANIFEST)) throw err('bad_backup', { file, why: 'it has no manifest of a backup' });
  const manifest = readManifest(join(folder, MANIFEST), file);
  const strange = [...there].find((name) => !Object.hasOwn(manifest.files, name));
  if (strange !== undefined) throw err('bad_backup', { file, why: `${strange} is not in its manifest` });
  for (const [name, sum] of Object.entries(manifest.files))
    if (!there.has(name) || (await digest(join(folder, name))) !== sum)
      throw err('bad_backup', { file, why: `${name} is damaged or missing` });
  return manifest;
}

/** Plain files, by their paths below the folder. @throws GantryError `bad_backup` for links, pipes and devices */
function filesIn(folder: string, file: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.filter((name) => {
    const stat = lstatSync(join(folder, name));
    if (stat.isDirectory()) return false;
    if (stat.isFile() && stat.nlink === 1) return true;
    throw err('bad_backup', { file, why: `${name} in it is neither file nor folder` });
  });
}

const digest = async (path: string): Promise<string> => (await fileSha256(path)).toString('hex');
