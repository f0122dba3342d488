/** Files and folders with their owners, in the order that a crash does not hurt. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface Owner {
  uid: number;
  gid: number;
}

/** The folder with exactly this owner and mode. */
export function ensureFolder(path: string, owner: Owner, mode: number): void {
  mkdirSync(path, { recursive: true });
  chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
}

/** Whole or not at all, also through a power failure. */
export function writeDurably(path: string, text: string, mode: number): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', mode);
  try {
    // whole or an error: `writeSync` may write a part of it
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(draft, mode);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** On the disk when it returns: the content of a file, or the names in a folder. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export const syncFolder = syncFile;

/** Every file below the folder with the folders that name them, and the folder itself. */
export function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() || entry.isDirectory()) syncFile(join(entry.parentPath, entry.name));
  syncFile(folder);
}

/** The path with all below it. File systems that are mounted there stay, empty, with the folders that lead to them. */
export function removeTree(path: string): void {
  // a link goes, what it leads to stays
  const isFolder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder || !holdsMounts(realpathSync(path))) rmSync(path, { recursive: true, force: true });
  else for (const name of readdirSync(path)) removeTree(join(path, name));
}

/** Field 5 of each line of /proc/self/mountinfo is a mount point, blanks in it as `\040`. (man 5 proc) */
function holdsMounts(path: string): boolean {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, code: string) => byteOf(code)));
  return points.some((point) => point === path || point?.startsWith(`${path}/`));
}

const byteOf = (octal: string): string => String.fromCharCode(Number.parseInt(octal, 8));

/** A file of another file system, or one that stays, whole or not at all. */
export const copyDurably = (from: string, to: string, mode: number): void =>
  writeDurably(to, readFileSync(from, 'utf8'), mode);
