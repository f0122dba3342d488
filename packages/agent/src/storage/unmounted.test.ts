/** A storage that is not mounted: it is seen, and nothing is written in its place. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestCopies } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ids, replicaOf } from '../testing/assignments.ts';
import { storageRoot } from './layout.ts';
import { storagePlace } from './place.ts';
import { createStorage } from './storage.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-unmounted-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('it is observed as such, and takes neither disks nor copies of running guests', async () => {
  const place = storagePlace(dir, () => 'mark');
  const os = { content: () => Promise.reject(new Error('none')) };
  const storage = createStorage({ stateDir: dir, link: {} as never, os, place });
  const { spec } = replicaOf();
  const create = () =>
    storage.perform['disk.create'](
      { do: 'disk.create', spec } as never,
      () => undefined,
      new AbortController().signal,
    );
  await create();
  expect(await storage.observe()).toMatchObject({ disks: [{ state: 'ready' }] });

  await rm(storageRoot(dir), { recursive: true });
  expect(await storage.observe()).toMatchObject({
    disks: [],
    storageFault: expect.stringContaining('not mounted'),
  });
  await expect(create()).rejects.toMatchObject({ code: 'host_unfit' });
  const disks = [{ from: ids.disk, to: ids.replica, template: 'file-qcow2', sizeBytes: 2 ** 20 }];
  const copies = { instance: ids.guest, operation: ids.operation, freeze: false, disks };
  const begun = storage.copyFiles(ids.cluster).begin(copies as unknown as GuestCopies);
  await expect(begun).rejects.toMatchObject({ code: 'host_unfit' });
  expect(await readdir(join(dir, 'agent'))).toEqual(['storage-mark']);
});
