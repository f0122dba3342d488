import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SeenDisk } from '../observation.ts';
import { type BaseStore, createBaseStore } from './base-store.ts';
import { writeEmptyQcow2 } from './empty-qcow2.ts';
import { baseName } from './layout.ts';

const name = baseName('a'.repeat(64), 'raw');
let dir: string;
let disks: SeenDisk[];
let store: BaseStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-bases-'));
  disks = [];
  store = createBaseStore(join(dir, 'bases'), async () => disks);
});
afterEach(() => rm(dir, { recursive: true }));

const make = (partial: string) => writeFile(partial, 'content');
const files = () => readdir(join(dir, 'bases'));
async function addOverlay(disk: string, on: string): Promise<void> {
  const path = join(dir, disk);
  await writeEmptyQcow2(path, { sizeBytes: 512, backing: { file: `../bases/${on}`, format: 'raw' } });
  disks.push({ disk, state: 'ready', template: 'file-qcow2', path });
}

describe('a base store', () => {
  it('makes a base once, also for many who want it at once', async () => {
    let made = 0;
    const slowly = async (partial: string) => {
      made++;
      await new Promise((go) => setTimeout(go, 20));
      await make(partial);
    };
    const sizes = await Promise.all(
      [1, 2, 3].map(() => store.use(name, slowly, async (base) => base.sizeBytes)),
    );
    expect(sizes).toEqual([7, 7, 7]);
    expect(made).toBe(1);
    expect(await files()).toEqual([name]);
  });

  it('leaves nothing of a base that could not be made, and makes it anew next time', async () => {
    const fail = async (partial: string) => {
      await make(partial);
      throw new Error('full');
    };
    await expect(store.use(name, fail, async () => 1)).rejects.toThrow('full');
    expect(await files()).toEqual([]);
    expect(await store.use(name, make, async () => 2)).toBe(2);
  });

  it('throws away what a killed agent left half made', async () => {
    await store.use(name, make, async () => 0);
    await store.remove(name);
    await writeFile(join(dir, 'bases', `${name}.partial`), 'half');
    expect(await store.use(name, make, async (base) => base.sizeBytes)).toBe(7);
    expect(await files()).toEqual([name]);
  });

  it('tells who stands on a base, and does not remove it', async () => {
    await store.use(name, make, async () => 0);
    await addOverlay('d1', name);
    await addOverlay('d2', baseName('b'.repeat(64), 'raw'));
    expect(await store.list()).toMatchObject([{ sha256: 'a'.repeat(64), users: ['d1'] }]);
    await expect(store.remove(name)).rejects.toMatchObject({ code: 'in_use', params: { users: 'd1' } });
    disks.shift();
    await store.remove(name);
    await store.remove(name);
    expect(await files()).toEqual([]);
  });

  it('removes nothing while a disk cannot be read, as it may stand on it', async () => {
    await store.use(name, make, async () => 0);
    await addOverlay('d1', name);
    await writeFile(join(dir, 'd1'), 'not a qcow2 file any more');
    await expect(store.remove(name)).rejects.toMatchObject({ code: 'in_use' });
  });

  it('keeps a base while a disk is being made from it', async () => {
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const using = store.use(name, make, () => {
      begun.resolve();
      return done.promise;
    });
    await begun.promise;
    await expect(store.remove(name)).rejects.toMatchObject({ code: 'in_use' });
    done.resolve();
    await using;
    await store.remove(name);
  });
});
