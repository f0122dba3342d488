import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pack, unpack } from './archive.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-archive-'));
  mkdirSync(join(dir, 'in', 'ca'), { recursive: true });
  writeFileSync(join(dir, 'in', 'store.db'), 'the store');
  writeFileSync(join(dir, 'in', 'ca', 'ca.key'), 'the key');
});
afterEach(() => rmSync(dir, { recursive: true }));

const about = {
  version: '1',
  at: '2026-01-01T00:00:00.000Z',
  cluster: { id: '6f1d6b0e-3c3a-4b0a-9d55-0d6c5b7d2f10', name: 'prod' },
  instances: 2,
};
const file = () => join(dir, 'backup.tar');
const packed = () => pack(join(dir, 'in'), about, file());
const out = () => join(dir, 'out');
/** Packed again by somebody else. */
const repack = (change: (folder: string) => void) => {
  const folder = join(dir, 'again');
  mkdirSync(folder);
  execFileSync('tar', ['-xf', file(), '-C', folder]);
  change(folder);
  execFileSync('tar', ['-cf', file(), '-C', folder, '.']);
};

/** With these fields in place of its own. */
const manifest = (fields: object) => (folder: string) => {
  const path = join(folder, 'manifest.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...fields }));
};

test('what was packed comes out, and only root may read the file', async () => {
  await packed();
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(await unpack(file(), out())).toMatchObject(about);
  expect(readFileSync(join(out(), 'ca', 'ca.key'), 'utf8')).toBe('the key');
  expect(readdirSync(dir)).not.toContain('backup.tar.new');
});

test('a file that is there is not replaced', async () => {
  writeFileSync(file(), 'mine');
  await expect(packed()).rejects.toMatchObject({ code: 'name_taken' });
  expect(readFileSync(file(), 'utf8')).toBe('mine');
});

test.each<[string, (folder: string) => void]>([
  ['damaged', (folder) => writeFileSync(join(folder, 'store.db'), 'another')],
  ['cut', (folder) => rmSync(join(folder, 'store.db'))],
  ['with more in it', (folder) => writeFileSync(join(folder, 'extra'), '')],
  ['with a link in it', (folder) => symlinkSync('/etc/shadow', join(folder, 'link'))],
  [
    'with a link for a file',
    (folder) => {
      rmSync(join(folder, 'store.db'));
      symlinkSync('/etc/shadow', join(folder, 'store.db'));
    },
  ],
  ['without manifest', (folder) => rmSync(join(folder, 'manifest.json'))],
  [
    'with a second name for a file',
    (folder) => linkSync(join(folder, 'store.db'), join(folder, 'ca', 'ca.pem')),
  ],
  [
    'with a pipe for a manifest',
    (folder) => {
      rmSync(join(folder, 'manifest.json'));
      execFileSync('mkfifo', [join(folder, 'manifest.json')]);
    },
  ],
  [
    'with a link for a manifest',
    (folder) => {
      renameSync(join(folder, 'manifest.json'), join(dir, 'manifest.json'));
      symlinkSync(join(dir, 'manifest.json'), join(folder, 'manifest.json'));
    },
  ],
  ['with a file that every object has', (folder) => writeFileSync(join(folder, 'constructor'), '')],
  ['with a manifest of no files', manifest({ files: undefined })],
  ['with a manifest of wrong sums', manifest({ files: { 'store.db': 7 } })],
  ['with a manifest of no cluster', manifest({ cluster: null })],
  ['with a manifest of a cluster without id', manifest({ cluster: { id: '..', name: 'prod' } })],
  ['with a manifest of no time', manifest({ at: 'monday\u001b[2J' })],
  ['with a manifest of a null', (folder) => writeFileSync(join(folder, 'manifest.json'), 'null')],
  ['with another manifest', (folder) => writeFileSync(join(folder, 'manifest.json'), '{"format":"zip"}')],
])('one that is %s is refused', async (_, change) => {
  await packed();
  repack(change);
  await expect(unpack(file(), out())).rejects.toMatchObject({ code: 'bad_backup' });
});

test('what is no archive is refused', async () => {
  writeFileSync(file(), 'not a tar');
  await expect(unpack(file(), out())).rejects.toMatchObject({ code: 'bad_backup' });
});
