import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeenDisk } from '../observation.ts';
import { writeEmptyQcow2 } from './empty-qcow2.ts';
import { lacking } from './lacking.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-lacking-'));
  await Promise.all(['disks', 'bases'].map((name) => mkdir(join(dir, name))));
});
afterAll(() => rm(dir, { recursive: true }));

const disk = (name: string, change: Partial<SeenDisk> = {}): SeenDisk => ({
  ...{ disk: name, state: 'ready', template: 'file-qcow2', path: join(dir, 'disks', name) },
  ...change,
});
const overlay = (name: string, file: string) =>
  writeEmptyQcow2(join(dir, 'disks', name), { sizeBytes: 2 ** 20, backing: { file, format: 'raw' } });

test('only an overlay whose base is gone lacks something', async () => {
  await writeFile(join(dir, 'bases', 'there.raw'), '');
  await overlay('whole', '../bases/there.raw');
  await overlay('broken', '../bases/gone.raw');
  await overlay('half', '../bases/gone.raw');
  await writeEmptyQcow2(join(dir, 'disks', 'alone'), { sizeBytes: 2 ** 20 });
  await writeFile(join(dir, 'disks', 'odd'), 'not qcow2');
  const found = await lacking([
    ...['whole', 'broken', 'alone', 'odd', 'missing'].map((name) => disk(name)),
    disk('half', { state: 'creating' }),
    disk('broken', { disk: 'raw', template: 'file-raw' }),
  ]);
  expect([...found]).toEqual([['broken', join(dir, 'bases', 'gone.raw')]]);
});
