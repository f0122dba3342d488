import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endOf, MOST_BEHIND_BYTES, type Position, readOn } from './reader.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'console-'));
  path = join(dir, 'console.log');
});
afterEach(() => rm(dir, { recursive: true }));

const nowhere: Position = { inode: 0, offset: 0 };

/** All there is, as text. */
async function rest(from: Position) {
  let [text, gap, at] = ['', false, from];
  for (;;) {
    const read = await readOn(path, at);
    at = read.position;
    gap ||= read.gap;
    if (read.bytes.length === 0) return { text, gap, at };
    text += Buffer.from(read.bytes).toString('latin1');
  }
}

test('a guest that never ran has written nothing', async () => {
  expect(await endOf(path)).toEqual(nowhere);
  expect(await rest(nowhere)).toEqual({ text: '', gap: false, at: nowhere });
});

test('what was there at the start is of another boot; what follows is read once', async () => {
  await writeFile(path, 'old boot\n');
  const start = await endOf(path);
  await appendFile(path, 'one\n');
  const one = await rest(start);
  expect(one).toMatchObject({ text: 'one\n', gap: false });
  await appendFile(path, 'two\n');
  expect((await rest(one.at)).text).toBe('two\n');
  expect((await rest(start)).text).toBe('one\ntwo\n'); // as an agent that was started anew does
});

test('rotated between two readings: the rest of the old file, then the new one', async () => {
  await writeFile(path, 'a\n');
  const { at } = await rest(nowhere);
  await appendFile(path, 'b\n');
  await rename(path, `${path}.0`);
  await writeFile(path, 'c\n');
  expect(await rest(at)).toMatchObject({ text: 'b\nc\n', gap: false });
});

test('rotated and rotated again: what went in between is a gap', async () => {
  await writeFile(path, 'a\n');
  const { at } = await rest(nowhere);
  await rename(path, `${path}.1`);
  await writeFile(`${path}.0`, 'b\n');
  await writeFile(path, 'c\n');
  expect(await rest(at)).toMatchObject({ text: 'c\n', gap: true });
});

test('cut: it begins anew', async () => {
  await writeFile(path, 'a long line\n');
  const { at } = await rest(nowhere);
  await truncate(path, 0);
  await appendFile(path, 'new\n');
  expect(await rest(at)).toMatchObject({ text: 'new\n', gap: true });
});

test('far behind: the last words, in bounded pieces', async () => {
  await writeFile(path, Buffer.alloc(3 * MOST_BEHIND_BYTES, 'x'));
  await appendFile(path, 'last\n');
  const first = await readOn(path, nowhere);
  expect(first.gap).toBe(true);
  expect(first.bytes.length).toBeLessThanOrEqual(MOST_BEHIND_BYTES / 4);
  const { text } = await rest(nowhere);
  expect(text.length).toBe(MOST_BEHIND_BYTES);
  expect(text.endsWith('xlast\n')).toBe(true);
});
