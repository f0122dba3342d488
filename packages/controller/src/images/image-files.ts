/** Contents of uploaded images, by their SHA-256: never changed, only added and removed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import type { Env } from '../env.ts';
import { Turns } from '../turns.ts';

export interface StoredFile {
  sha256: string;
  sizeBytes: number;
}

/** Where image contents are kept. */
export interface ImageFiles {
  /**
   * Writes a stream durably, then records it. `check` sees the first bytes before the file is kept. What `record` gives
   * is the answer; until it has ended, no sweep takes the file away.
   * @throws GantryError `no_space`, and whatever `check` and `record` throw
   */
  put<T>(
    bytes: AsyncIterable<Uint8Array>,
    check: (head: Uint8Array, sizeBytes: number) => void,
    record: (file: StoredFile) => Promise<T>,
  ): Promise<T>;
  /** @throws GantryError `not_found` */
  read(sha256: string): Promise<{ sizeBytes: number; bytes: AsyncIterable<Uint8Array> }>;
  has(sha256: string): Promise<boolean>;
  /** Removes what nobody wants, by SHA-256, and what broken uploads left. Returns how many files. */
  sweep(wanted: () => Promise<ReadonlySet<string>>): Promise<number>;
}

/** As much of a file as `check` sees. */
const HEAD_BYTES = 64 * 1024;
/** Left free for the store, which lies on the same file system. */
const RESERVE_BYTES = 256 * 2 ** 20;
/** So often the room is looked at: others write too. */
const LOOK_EACH_BYTES = 16 * 2 ** 20;

export class DiskImageFiles implements ImageFiles {
  readonly #dir: string;
  readonly #env: Env;
  readonly #free: (dir: string) => Promise<number>;
  /** Keeping a file and sweeping exclude each other. */
  readonly #turns = new Turns();
  readonly #arriving = new Set<string>();

  constructor(dir: string, env: Env, free: (dir: string) => Promise<number> = freeBytes) {
    this.#free = free;
    this.#dir = dir;
    this.#env = env;
  }

  async put<T>(
    bytes: AsyncIterable<Uint8Array>,
    check: (head: Uint8Array, sizeBytes: number) => void,
    record: (file: StoredFile) => Promise<T>,
  ): Promise<T> {
    await mkdir(this.#dir, { recursive: true, mode: 0o750 });
    const name = `${this.#env.uuid()}.partial`;
    const partial = join(this.#dir, name);
    this.#arriving.add(name);
    try {
      const { sha256, sizeBytes, head } = await this.#write(partial, bytes);
      check(head, sizeBytes);
      return await this.#turns.take(async () => {
        await rename(partial, join(this.#dir, sha256));
        await syncDirectory(this.#dir);
        return record({ sha256, sizeBytes });
      });
    } catch (error) {
      await rm(partial, { force: true });
      const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      throw full ? err('no_space', { where: 'the controller' }, error) : error;
    } finally {
      this.#arriving.delete(name);
    }
  }

  async #write(partial: string, bytes: AsyncIterable<Uint8Array>) {
    const digest = createHash('sha256');
    const head: Uint8Array[] = [];
    let sizeBytes = 0;
    let unseen = Number.POSITIVE_INFINITY;
    const file = await open(partial, 'wx', 0o640);
    try {
      for await (const chunk of bytes) {
        if (sizeBytes < HEAD_BYTES) head.push(chunk.subarray(0, HEAD_BYTES - sizeBytes));
        sizeBytes += chunk.length;
        unseen += chunk.length;
        if (unseen > LOOK_EACH_BYTES) {
          await this.#requireRoom(chunk.length);
          unseen = 0;
        }
        digest.update(chunk);
        // whole or an error: `write` may write a part of it
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { sha256: digest.digest('hex'), sizeBytes, head: Buffer.concat(head) };
  }

  /** @throws GantryError `no_space` */
  async #requireRoom(bytes: number): Promise<void> {
    if ((await this.#free(this.#dir)) - bytes < RESERVE_BYTES)
      throw err('no_space', { where: 'the controller' });
  }

  async read(sha256: string): Promise<{ sizeBytes: number; bytes: AsyncIterable<Uint8Array> }> {
    const path = join(this.#dir, sha256);
    const found = await stat(path).catch(() => undefined);
    if (!found) throw err('not_found', { kind: 'image content', name: sha256.slice(0, 12) });
    return { sizeBytes: found.size, bytes: createReadStream(path, { highWaterMark: 256 * 1024 }) };
  }

  has(sha256: string): Promise<boolean> {
    return stat(join(this.#dir, sha256)).then(
      () => true,
      () => false,
    );
  }

  sweep(wanted: () => Promise<ReadonlySet<string>>): Promise<number> {
    return this.#turns.take(async () => {
      const files = await readdir(this.#dir).catch(() => []);
      const keep = await wanted();
      const left = files.filter((name) => !keep.has(name) && !this.#arriving.has(name));
      for (const name of left) await rm(join(this.#dir, name), { force: true });
      return left.length;
    });
  }
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
