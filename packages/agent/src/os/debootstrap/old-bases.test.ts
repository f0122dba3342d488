import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BootKit, BootKits } from '../boot-kit/boot-kit.ts';
import { createBaseCache, keyOf } from './base-cache.ts';
import type { DebootstrapParameters } from './parameters.ts';

const DAY_MS = 86_400_000;
const builtAtMs = Date.parse('2026-01-01T00:00:00Z');
const { signal } = new AbortController();
const parameters = (suite: string): DebootstrapParameters => ({
  ...{ suite, arch: 'amd64', mirror: 'http://127.0.0.1:1/debian', components: ['main'] },
  ...{ extraPackages: [], filesystem: 'ext4', consoleLogin: 'locked', sideSources: [] },
});
const kit = (release: string): BootKit => ({
  ...{ release, version: '1', kernel: '', initrd: '', modules: '', obtainedAtMs: builtAtMs },
});
let dir: string;
let root: string;
let now: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-bases-'));
  root = join(dir, 'debootstrap');
  await mkdir(root);
  now = builtAtMs;
});
afterEach(() => rm(dir, { recursive: true }));

/** As a build leaves it, and as a killed build of it would. */
async function built(suite: string, release: string, says: { kernel?: string } = { kernel: `${release} 1` }) {
  const key = keyOf(parameters(suite), kit(release));
  const file = `${key}-abc.raw`;
  await mkdir(join(root, `${key}.work`), { recursive: true });
  await writeFile(join(root, file), suite);
  const record = join(root, `${key}.json`);
  await writeFile(record, JSON.stringify({ file, sha256: 'abc', builtAtMs, ...says }));
  await utimes(record, builtAtMs / 1000, builtAtMs / 1000);
  return key;
}
const log = vi.fn<(level: string, text: string) => void>();
/** What a new guest of that suite gets, on a machine with that kernel. */
const get = (suite: string, release: string) => {
  const kits = { current: async () => kit(release) } as Partial<BootKits> as BootKits;
  return createBaseCache({ cacheDir: dir, kits, now: () => now, uuid: () => 'u' }).get(
    parameters(suite),
    'operation',
    log,
    signal,
  );
};
const there = async () =>
  (await readdir(root)).flatMap((name) => (name.endsWith('.raw') ? [name.slice(0, 32)] : [])).toSorted();

test('of an older kernel and used a day ago they go whole, those of the present one stay, whenever they were used', async () => {
  const old = [await built('bookworm', '1.0'), await built('trixie', '2.0')];
  const present = [await built('bookworm', '3.0'), await built('trixie', '3.0')];
  now += 300 * DAY_MS;
  expect((await get('bookworm', '3.0')).sha256).toBe('abc');
  expect(await there()).toEqual(present.toSorted());
  expect((await readdir(root)).filter((name) => old.some((key) => name.startsWith(key)))).toEqual(
    old.map((key) => `${key}.lock`).toSorted(),
  );
});

test('one that somebody was given within a day stays: it is being copied', async () => {
  const old = await built('bookworm', '1.0');
  const present = await built('trixie', '3.0');
  now += DAY_MS - 1;
  await get('bookworm', '1.0');
  now += DAY_MS - 1;
  const { path } = await get('trixie', '3.0');
  expect(await readFile(path, 'utf8')).toBe('trixie');
  expect(await there()).toEqual([old, present].toSorted());
  now += 1;
  await get('trixie', '3.0');
  expect(await there()).toEqual([present]);
});

test('one of an older release, which does not say of what kernel it is, is left alone', async () => {
  const unknown = await built('bookworm', '1.0', {});
  const present = await built('trixie', '3.0');
  now += 300 * DAY_MS;
  await get('trixie', '3.0');
  expect(await there()).toEqual([unknown, present].toSorted());
});

test('a record that cannot be read stands in nobody’s way', async () => {
  await built('bookworm', '3.0');
  await writeFile(join(root, `${'0'.repeat(32)}.json`), '{');
  await utimes(join(root, `${'0'.repeat(32)}.json`), 0, 0);
  expect((await get('bookworm', '3.0')).sha256).toBe('abc');
  expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('stay in'));
});
