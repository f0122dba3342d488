/** Files and folders with their owners, in the order that a crash does not hurt. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
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

/** A file of another file system, or one that stays, whole or not at all. */
export const copyDurably = (from: string, to: string, mode: number): void =>
  writeDurably(to, readFileSync(from, 'utf8'), mode);
