/**
 * Opening a SQLite store: one writer process by an OS lock, WAL with a sync at every commit, migrations.
 * Node has no flock, so the lock is SQLite's own: an exclusive transaction on a database file beside the store, held
 * open for as long as the process lives. The store itself stays readable for backups and debuggers.
 */
import { DatabaseSync } from 'node:sqlite';
import { err, isGantryError } from '@gantry/model';
import { migrations } from './migrations.ts';

export const IN_MEMORY = ':memory:';

export interface OpenDatabase {
  db: DatabaseSync;
  close(): void;
}

/** @throws GantryError `store_locked`, `store_unusable` */
export function openDatabase(path: string): OpenDatabase {
  const lock = path === IN_MEMORY ? undefined : takeLock(path);
  try {
    const db = new DatabaseSync(path);
    try {
      prepare(db, path);
    } catch (error) {
      db.close();
      throw error;
    }
    return {
      db,
      close() {
        db.close();
        lock?.close();
      },
    };
  } catch (error) {
    lock?.close();
    throw unusable(error);
  }
}

function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${path}.lock`);
    lock.exec('pragma journal_mode=delete; begin exclusive');
    return lock;
  } catch (error) {
    lock?.close();
    throw codeOf(error) === SQLITE_BUSY ? err('store_locked', { path }, error) : unusable(error);
  }
}

/**
 * Of the file, at most so much is read through a mapping. Bodies of objects reach into pages of their own, which SQLite
 * otherwise reads one system call each, past its cache, however large that is: 10,000 instances of 2.5 KB take 67 ms of CPU so,
 * and 130 to 190 without. Writes do not go through it. The price: a disk that fails under a mapped page is SIGBUS, so the
 * controller ends where a read would have said `store_unusable`; the kernel's log names the disk, and guests and agents go on.
 */
const MAPPED_BYTES = 2 ** 30;

function prepare(db: DatabaseSync, path: string): void {
  if (path !== IN_MEMORY) db.exec(`pragma journal_mode=wal; pragma mmap_size=${MAPPED_BYTES}`);
  db.exec('pragma synchronous=full; pragma foreign_keys=on; pragma busy_timeout=5000');
  const { user_version: version } = db.prepare('pragma user_version').get() as { user_version: number };
  if (version > migrations.length) {
    const why = `${path} has schema ${version}, this version knows ${migrations.length}: it was written by a newer one`;
    throw err('store_unusable', { why });
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.exec('begin immediate');
    db.exec(sql);
    db.exec(`pragma user_version=${index + 1}`);
    db.exec('commit');
  }
}

const SQLITE_BUSY = 5;

/** Primary result code of SQLite, without the extended part. */
const codeOf = (error: unknown): number | undefined => {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
};

/** SQLite's refusals as `store_unusable`; everything else as it is. */
export function unusable(error: unknown): unknown {
  if (isGantryError(error) || codeOf(error) === undefined) return error;
  return err('store_unusable', { why: (error as Error).message }, error);
}
