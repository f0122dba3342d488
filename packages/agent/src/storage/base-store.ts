/**
 * Raw base images in one folder, content-addressed: never changed, never removed while a disk stands on them or is
 * just being made from them. The users are found by looking at the disks, not remembered.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import type { SeenBase, SeenDisk } from '../observation.ts';
import { backingOf } from './backing.ts';
import {
  ignoreMissing,
  listNames,
  makeDirectories,
  publish,
  removeDurably,
  removeMatching,
} from './durable.ts';
import { PARTIAL, parseBaseName } from './layout.ts';
import type { BaseFile } from './storage-driver.ts';

export interface BaseStore {
  list(): Promise<SeenBase[]>;
  /**
   * Gives the base to `work`, and keeps it until that has ended. When it is not there `make` writes it to the path
   * that it is given (partial, thrown away on failure); two who want it at once wait for one making.
   */
  use<T>(
    name: string,
    make: (partial: string) => Promise<void>,
    work: (base: BaseFile) => Promise<T>,
  ): Promise<T>;
  /** @throws GantryError `in_use` */
  remove(name: string): Promise<void>;
}

export function createBaseStore(directory: string, listDisks: () => Promise<SeenDisk[]>): BaseStore {
  const serially = createSerializer();
  const pins = new Map<string, number>();
  const pathOf = (name: string) => join(directory, name);

  async function ensure(name: string, make: (partial: string) => Promise<void>): Promise<BaseFile> {
    const final = pathOf(name);
    const there = await stat(final).catch(ignoreMissing);
    if (there) return { path: final, sizeBytes: there.size };
    await makeDirectories(directory);
    await removeMatching(directory, (other) => other.startsWith(name) && other.endsWith(PARTIAL));
    const partial = `${final}${PARTIAL}`;
    try {
      await make(partial);
      await publish(partial, final);
    } catch (error) {
      await removeDurably(partial).catch(() => undefined); // the first error is the one to tell
      throw error;
    }
    return { path: final, sizeBytes: (await stat(final)).size };
  }

  const pin = (name: string, change: 1 | -1) => pins.set(name, (pins.get(name) ?? 0) + change);

  return {
    async list() {
      const names = (await listNames(directory)).filter((name) => parseBaseName(name) !== undefined);
      const users = await usersOf(await listDisks());
      return names.map((name) => ({
        sha256: parseBaseName(name) ?? '',
        path: pathOf(name),
        users: users(name),
      }));
    },

    async use(name, make, work) {
      const base = await serially(name, async () => {
        const found = await ensure(name, make);
        pin(name, 1);
        return found;
      });
      try {
        return await work(base);
      } finally {
        pin(name, -1);
      }
    },

    remove: (name) =>
      serially(name, async () => {
        const users = (await usersOf(await listDisks()))(name);
        if ((pins.get(name) ?? 0) > 0) users.push('a disk that is being made');
        if (users.length > 0) throw err('in_use', { kind: 'base image', name, users: users.join(', ') });
        await removeDurably(pathOf(name), `${pathOf(name)}${PARTIAL}`);
      }),
  };
}

/** Disks that stand on a base, by the base's file name. A disk that cannot be read may stand on any. */
async function usersOf(disks: SeenDisk[]): Promise<(name: string) => string[]> {
  const overlays = disks.filter(({ template }) => template === 'file-qcow2');
  const backings = await Promise.all(
    overlays.map(async ({ disk, path }) => ({ disk, backing: await backingOf(path), path })),
  );
  return (name) =>
    backings.flatMap(({ disk, backing }) => {
      if (backing === 'unreadable') return [`${disk} (its header cannot be read)`];
      return backing !== 'none' && backing.base === name ? [disk] : [];
    });
}

/** Runs work on the same key one after the other. */
function createSerializer(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = tails.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => undefined);
    tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(key) === tail) tails.delete(key);
    }
  };
}
