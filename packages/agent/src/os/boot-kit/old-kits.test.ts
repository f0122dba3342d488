import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBootKits } from './boot-kit.ts';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();
const obtainedAtMs = Date.parse('2026-01-01T00:00:00Z');
let dir: string;
let root: string;
let now: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-kits-'));
  root = join(dir, 'boot-kit');
  now = obtainedAtMs;
  for (const release of ['1.0', '2.0', '3.0']) {
    const modules = join(root, `${release}_1/lib/modules`, release);
    await mkdir(modules, { recursive: true });
    for (const file of ['modules.dep', 'modules.builtin']) await writeFile(join(modules, file), '');
    const record = { name: 'linux-image', version: '1', release, obtainedAtMs };
    await writeFile(join(root, `${release}_1`, 'kit.json'), JSON.stringify(record));
  }
  await mkdir(join(root, 'partial.of-a-killed-one'));
  await point('3.0_1\n');
  await writeFile(join(dir, 'busybox'), 'a program');
});
afterEach(() => rm(dir, { recursive: true }));

async function point(content: string): Promise<void> {
  await writeFile(join(root, 'current'), content);
  await utimes(join(root, 'current'), new Date(obtainedAtMs), new Date(obtainedAtMs));
}
const folders = async () =>
  (await readdir(root, { withFileTypes: true })).filter((e) => e.isDirectory()).map(({ name }) => name);
const refresh = (log = vi.fn<(level: string, text: string) => void>()) =>
  createBootKits({ cacheDir: dir, now: () => now, uuid: randomUUID, busybox: join(dir, 'busybox') }).refresh(
    Number.POSITIVE_INFINITY,
    log,
    signal,
  );

test('replaced a moment ago they stay: a build may read them', async () => {
  now += DAY_MS - 1;
  await refresh();
  expect(await folders()).toEqual(['1.0_1', '2.0_1', '3.0_1', 'partial.of-a-killed-one']);
});

test('replaced a day ago they go, the present one stays whole; two at once do it once', async () => {
  now += DAY_MS;
  const [kit] = await Promise.all([refresh(), refresh()]);
  expect(await folders()).toEqual(['3.0_1']);
  expect(await readFile(join(root, 'current'), 'utf8')).toBe('3.0_1\n');
  expect((await readdir(kit.modules)).sort()).toEqual(['modules.builtin', 'modules.dep']);
});
