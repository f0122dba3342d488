/** `gantry server backup --state DIR`: a copy of the store as of one moment, while the controller goes on writing. */
import { rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { unusable } from './store/sqlite-open.ts';

export interface BackedUp {
  /** Of the copy. */
  path: string;
  cluster: { id: string; name: string };
  incarnation: number;
  instances: number;
}

/** @throws GantryError `store_unusable`, as where there is no room */
export async function backUpStore(store: string): Promise<BackedUp> {
  const path = `${store}.backup`;
  await rm(path, { force: true });
  try {
    copy(store, path);
    return { path, ...contentOf(path) };
  } catch (error) {
    await rm(path, { force: true });
    throw unusable(error);
  }
}

function copy(store: string, path: string): void {
  const db = new DatabaseSync(store);
  try {
    db.exec('pragma busy_timeout=5000');
    db.prepare('vacuum into ?').run(path);
  } finally {
    db.close();
  }
}

/** Read from the copy, which also shows that it can be. */
function contentOf(path: string): Omit<BackedUp, 'path'> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const row = <T>(sql: string) => db.prepare(sql).get() as unknown as T;
    const { id, name } = row<{ id: string; name: string }>(
      "select id, name from object where kind = 'cluster'",
    );
    const { value } = row<{ value: string }>("select value from meta where key = 'incarnation'");
    const { count } = row<{ count: number }>("select count(*) as count from object where kind = 'instance'");
    return { cluster: { id, name }, incarnation: Number(value), instances: count };
  } finally {
    db.close();
  }
}
