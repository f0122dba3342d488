/**
 * One command at a time takes, replaces or removes the cluster of a machine. Node has no flock, so the lock is SQLite's own,
 * an exclusive transaction on an empty file: the kernel frees it when the command ends, however it ends.
 */
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { err } from '@gantry/model';
import type { Layout } from './layout.ts';

const SQLITE_BUSY = 5;

export const lockFile = ({ state }: Pick<Layout, 'state'>): string => join(state, 'lock');

/**
 * @param act may free it before its own end
 * @throws GantryError `machine_busy` while another one holds it, after `waitMs`
 */
export async function alone<T>(
  layout: Layout,
  act: (free: () => void) => Promise<T>,
  waitMs = 10_000,
): Promise<T> {
  const lock = takePresent(layout, waitMs);
  held.add(lock);
  const free = () => {
    if (held.delete(lock)) lock.close();
  };
  try {
    return await act(free);
  } finally {
    free();
  }
}

/** A database that nothing refers to is closed by the garbage collector, and its lock is gone. */
const held = new Set<object>();

/** Who held it may have removed the folder with it: the lock of a file that is not there keeps nobody out. */
function takePresent(layout: Layout, waitMs: number) {
  const path = lockFile(layout);
  for (;;) {
    mkdirSync(layout.state, { recursive: true, mode: 0o755 });
    // root's alone from its first moment: who can open it can hold it
    closeSync(openSync(path, 'a', 0o600));
    const before = inodeOf(path);
    const lock = take(path, layout, waitMs);
    if (before !== undefined && before === inodeOf(path)) return lock;
    lock.close();
  }
}

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;

function take(path: string, { state }: Layout, waitMs: number) {
  // when needed: most commands have no use for it
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const lock = new DatabaseSync(path);
  try {
    // nothing is ever written: no journal beside it, which would outlive a folder that is being removed
    lock.exec(`pragma busy_timeout=${waitMs}; pragma journal_mode=memory; begin exclusive`);
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw err('machine_busy', { state }, error);
  }
}
