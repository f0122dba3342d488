import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyringOf } from './keyring.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-keyring-'));
  await writeFile(join(dir, 'known.gpg'), '');
  await writeFile(join(dir, 'good'), `mirror_style release\nkeyring ${join(dir, 'known.gpg')}\n`);
  await writeFile(join(dir, 'strange'), `\tkeyring ${join(dir, 'absent.gpg')}\n`);
  await writeFile(join(dir, 'warty'), 'mirror_style release\n# keyring /usr/share/keyrings/x.gpg\n');
});
afterAll(() => rm(dir, { recursive: true }));

test('the keyring that the suite’s script names, or the one that was stated', async () => {
  const known = join(dir, 'known.gpg');
  expect(await keyringOf('good', undefined, dir)).toBe(known);
  expect(await keyringOf('warty', known, dir)).toBe(known);
  expect(await keyringOf('strange', known, dir)).toBe(known);
});

test.each([
  ['strange', undefined, /no readable .*absent\.gpg/],
  ['good', '/nowhere.gpg', /no readable \/nowhere\.gpg/],
  ['warty', undefined, /knows no keyring/],
  ['nosuch', undefined, /has a script for/],
])('%s with %s would be taken unsigned', async (suite, stated, why) => {
  await expect(keyringOf(suite, stated, dir)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(why),
  });
});
