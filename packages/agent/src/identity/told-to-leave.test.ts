import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resumeLeaving } from './told-to-leave.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'leave-'));
  await mkdir(join(dir, 'agent'));
});
afterEach(() => rm(dir, { recursive: true }));

const log = () => undefined;

test('an agent that was told nothing, or has nobody to take it off, goes on', async () => {
  expect(await resumeLeaving(dir, '/bin/false', log)).toBe(false);
  await writeFile(join(dir, 'agent', 'leaving'), 'none\n');
  expect(await resumeLeaving(dir, undefined, log)).toBe(false);
});

test('one that was told begins to leave, whatever is gone already, and keeps no file open', async () => {
  const [by, words] = [join(dir, 'gantry.mjs'), join(dir, 'words')];
  await writeFile(join(dir, 'agent', 'leaving'), 'none\n');
  const script = `import { writeFileSync, renameSync } from 'node:fs';
    console.log('what it says'); writeFileSync('${words}.new', process.argv.slice(2).join(' ')); renameSync('${words}.new', '${words}');`;
  await writeFile(by, script);
  const path = join(dir, 'log', 'leave.log');
  expect(await resumeLeaving(dir, by, log)).toBe(true);
  await expect.poll(() => existsSync(words)).toBe(true);
  expect(await readFile(words, 'utf8')).toBe(`node leave --yes --state ${dir}`);
  expect(await readFile(path, 'utf8')).toBe('what it says\n');
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  expect(links).not.toContain(path);
});
