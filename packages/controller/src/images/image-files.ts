/** Contents of uploaded images, by their SHA-256: never changed, only added and removed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import type { Env } from '../env.ts';

export interface StoredFile {
  sha256: string;
  sizeBytes: number;
}

/** Where image contents are kept. */
export interface ImageFiles {
  /**
   * Writes a stream; durable when it resolves. `check` sees the first bytes before the file is kept.
   * @throws GantryError `no_space`, and whatever `check` throws: nothing is kept then
   */
  put(
    bytes: AsyncIterable<Uint8Array>,
    check: (head: Uint8Array, sizeBytes: number) => void,
  ): Promise<StoredFile>;
  /** @throws GantryError `not_found` */
  read(sha256: string): Promise<{ sizeBytes: number; bytes: AsyncIterable<Uint8Array> }>;
  remove(sha256: string): Promise<void>;
}

/** As much of a file as `check` sees. */
const HEAD_BYTES = 64 * 1024;
/** Left free for the store, which lies on the same file system. */
const RESERVE_BYTES = 256 * 2 ** 20;

export class DiskImageFiles implements ImageFiles {
  readonly #dir: string;
  readonly #env: Env;

  constructor(dir: string, env: Env) {
    this.#dir = dir;
    this.#env = env;
  }

  async put(
    bytes: AsyncIterable<Uint8Array>,
    check: (head: Uint8Array, sizeBytes: number) => void,
  ): Promise<StoredFile> {
    await mkdir(this.#dir, { recursive: true, mode: 0o750 });
    const partial = join(this.#dir, `${this.#env.uuid()}.partial`);
    try {
      const { sha256, sizeBytes, head } = await this.#write(partial, bytes);
      check(head, sizeBytes);
      await rename(partial, join(this.#dir, sha256));
      await syncDirectory(this.#dir);
      return { sha256, sizeBytes };
    } catch (error) {
      await rm(partial, { force: true });
      throw (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? err('no_space', { where: 'the controller' }, error)
        : error;
    }
  }

  async #write(partial: string, bytes: AsyncIterable<Uint8Array>) {
    const { bavail, bsize } = await statfs(this.#dir);
    const room = bavail * bsize - RESERVE_BYTES;
    const digest = createHash('sha256');
    const head: Uint8Array[] = [];
    let sizeBytes = 0;
    const file = await open(partial, 'wx', 0o640);
    try {
      for await (const chunk of bytes) {
        if (sizeBytes < HEAD_BYTES) head.push(chunk.subarray(0, HEAD_BYTES - sizeBytes));
        sizeBytes += chunk.length;
        if (sizeBytes > room) throw err('no_space', { where: 'the controller' });
        digest.update(chunk);
        await file.write(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { sha256: digest.digest('hex'), sizeBytes, head: Buffer.concat(head) };
  }

  async read(sha256: string): Promise<{ sizeBytes: number; bytes: AsyncIterable<Uint8Array> }> {
    const path = join(this.#dir, sha256);
    const found = await stat(path).catch(() => undefined);
    if (!found) throw err('not_found', { kind: 'image content', name: sha256.slice(0, 12) });
    return { sizeBytes: found.size, bytes: createReadStream(path, { highWaterMark: 256 * 1024 }) };
  }

  async remove(sha256: string): Promise<void> {
    await rm(join(this.#dir, sha256), { force: true });
  }
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
