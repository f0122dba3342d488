/** The files that a domain's disks come to: links followed, and what they stand on. */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { child, elements, readForeign, type XmlElement } from '@gantry/guest';
import { type KeptDisk, parseQcow2Header } from '@gantry/model';
import { readHead } from '../../storage/backing.ts';

/** Overlays on overlays; more is nobody's, or goes in a circle. */
const DEEPEST = 32;

/** Of every file below the disks. What is gone or cannot be read is as it is written. */
export async function filesOf(definition: XmlElement): Promise<string[]> {
  const paths = readForeign(definition).disks.flatMap(({ source }) => (isFile(source) ? [source] : []));
  const stores = elements(child(definition, 'devices'), 'disk').flatMap(backingFiles);
  const found = await Promise.all([...new Set([...paths, ...stores])].map(chainOf));
  return [...new Set(found.flat())];
}

/** Those that it alone is to write, by their real names. */
export async function writtenBy(disks: readonly KeptDisk[]): Promise<{ target: string; source: string }[]> {
  const own = disks.filter(({ shared, device }) => !shared && device !== 'floppy');
  const found = await Promise.all(
    own.map(async ({ target, source }) =>
      source === undefined ? [] : [{ target, source: isFile(source) ? await real(source) : source }],
    ),
  );
  return found.flat();
}

/** Which of them lie in that folder. */
export async function below(folder: string, files: readonly string[]): Promise<string[]> {
  const root = await real(folder);
  return files.filter((file) => file.startsWith(root + sep));
}

const isFile = (source: string | undefined): source is string => source !== undefined && isAbsolute(source);

/** As libvirt knows the chain of a disk that is open. */
function backingFiles(disk: XmlElement): string[] {
  const stores = elements(disk, 'backingStore');
  const files = stores.flatMap((store) => child(store, 'source')?.attributes['file'] ?? []);
  return [...files, ...stores.flatMap(backingFiles)];
}

async function chainOf(path: string): Promise<string[]> {
  const files: string[] = [];
  let next: string | undefined = path;
  while (next !== undefined && files.length < DEEPEST) {
    const file: string = await real(next);
    files.push(file);
    const backing = await backingFileOf(file);
    next = backing === undefined ? undefined : resolve(dirname(file), backing);
  }
  return files;
}

async function backingFileOf(path: string): Promise<string | undefined> {
  try {
    return parseQcow2Header(await readHead(path)).backingFile;
  } catch {
    return undefined;
  }
}

/** Where its last part is not there, that of its folder. */
const real = (path: string): Promise<string> =>
  realpath(path).catch(() =>
    realpath(dirname(path)).then(
      (folder) => join(folder, path.slice(path.lastIndexOf(sep) + 1)),
      () => resolve(path),
    ),
  );
