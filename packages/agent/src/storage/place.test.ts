import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storageRoot } from './layout.ts';
import { MARK, type StoragePlace, storagePlace } from './place.ts';
import { createStorage } from './storage.ts';

let dir: string;
let made: number;
let place: StoragePlace;
const mark = () => join(storageRoot(dir), MARK);
const copy = () => join(dir, 'agent', 'storage-mark');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-place-'));
  made = 0;
  place = storagePlace(dir, () => `mark-${++made}`);
});
afterEach(() => rm(dir, { recursive: true }));

test('before anything was written every place is right, and none is marked', async () => {
  expect(await place.fault()).toBeUndefined();
  await expect(readFile(mark())).rejects.toThrow('ENOENT');
});

test('it is marked once, by whoever writes first', async () => {
  await Promise.all([place.require(), place.require()]);
  await place.require();
  expect([await readFile(mark(), 'utf8'), made]).toEqual(['mark-1\n', 1]);
  expect(await place.fault()).toBeUndefined();
});

test('an empty folder in its place is told, and nothing is written there', async () => {
  await place.require();
  await rename(storageRoot(dir), join(dir, 'unmounted'));
  expect(await place.fault()).toContain('is not mounted');
  await expect(place.require()).rejects.toMatchObject({
    code: 'host_unfit',
    hint: expect.stringContaining('Mount it'),
  });
  await rename(join(dir, 'unmounted'), storageRoot(dir));
  await place.require();
});

test('whatever begins to write asks for the mark first', async () => {
  await place.require();
  await rename(storageRoot(dir), join(dir, 'unmounted'));
  const nobody = () => Promise.reject(new Error('nobody is asked'));
  const storage = createStorage({
    stateDir: dir,
    place,
    link: { imageContent: nobody },
    os: { content: nobody },
    transfers: { receive: nobody, send: nobody },
  });
  const id = () => randomUUID() as never;
  const { signal } = new AbortController();
  const cluster = randomUUID();
  const at = { cluster: cluster as never, node: id(), operation: id(), desired: 'present' as const };
  const sizes = { template: 'file-qcow2' as const, sizeBytes: 2 ** 20 };
  const disk = { what: 'disk' as const, ...at, ...sizes, disk: id(), source: { kind: 'blank' as const } };
  const receive = { from: id(), ticketSha256: '0'.repeat(64) };
  const sha256 = 'a'.repeat(64);
  const base = { what: 'base' as const, ...at, image: id(), sha256, format: 'raw' as const };
  const copies = {
    operation: id(),
    instance: id(),
    freeze: false,
    disks: [{ from: id(), to: id(), ...sizes }],
  };
  const quiet = () => undefined;
  const writes = [
    () => storage.perform['disk.create']({ do: 'disk.create', spec: disk }, quiet, signal),
    () => storage.perform['disk.receive']({ do: 'disk.receive', spec: { ...disk, receive } }, quiet, signal),
    () => storage.perform['base.ensure']({ do: 'base.ensure', spec: base }, quiet, signal),
    () => storage.copyFiles(cluster).begin(copies),
  ];
  for (const write of writes)
    await expect(write()).rejects.toMatchObject({
      code: 'host_unfit',
      message: expect.stringContaining('is not mounted'),
    });
  await expect(stat(storageRoot(dir))).rejects.toThrow('ENOENT');
});

test('another storage in its place is told, until its copy is removed', async () => {
  await place.require();
  await writeFile(mark(), 'other\n');
  expect(await place.fault()).toContain('another storage');
  await rm(copy());
  await place.require();
  expect([await readFile(copy(), 'utf8'), made]).toEqual(['other\n', 1]);
});

test('killed between mark and copy, the mark that is there counts', async () => {
  await place.require();
  await rm(copy());
  await storagePlace(dir, () => 'never').require();
  expect(await readFile(copy(), 'utf8')).toBe('mark-1\n');
});
