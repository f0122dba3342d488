import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layoutOf } from './layout.ts';
import { requireSame, restore } from './restore.ts';

const OURS = '6f1d6b0e-3c3a-4b0a-9d55-0d6c5b7d2f10';
const OTHER = '0b7f0f57-9a55-4be1-8a1c-0f3c2b1d4e5f';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-restore-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Here {
  settings?: { name: string; id?: string };
  /** Clusters that disks here belong to. */
  disksOf?: string[];
}

test.each<[string, Here, boolean]>([
  ['nothing', {}, true],
  ['the same cluster', { settings: { name: 'gantry', id: OURS } }, true],
  ['another one of the same name', { settings: { name: 'gantry', id: OTHER } }, false],
  ['another one', { settings: { name: 'prod', id: OTHER } }, false],
  ['one of the same name whose id nothing tells', { settings: { name: 'gantry' } }, true],
  ['one of another name whose id nothing tells', { settings: { name: 'prod' } }, false],
  ['disks of the same cluster', { disksOf: [OURS] }, true],
  ['disks of another one', { disksOf: [OTHER] }, false],
  ['disks of another one of the same name', { settings: { name: 'gantry' }, disksOf: [OTHER] }, false],
])('where there is %s', (_, { settings, disksOf = [] }, fits) => {
  const layout = layoutOf(dir);
  if (settings) writeFileSync(layout.settings, JSON.stringify(settings));
  for (const cluster of disksOf) mkdirSync(join(layout.agent, 'storage', cluster), { recursive: true });
  const check = () => requireSame(layout, '/root/monday.tar', { id: OURS, name: 'gantry' });
  if (fits) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: 'bad_backup' }) as Error);
});

test('a refusal where no cluster is leaves no folder of one; where one is nothing goes', async () => {
  const file = join(dir, 'no-backup.tar');
  writeFileSync(file, 'no archive');
  const refused = { code: 'bad_backup' };
  const [none, present] = [layoutOf(join(dir, 'none')), layoutOf(join(dir, 'present'))];
  await expect(restore({} as never, none, file)).rejects.toMatchObject(refused);
  expect(existsSync(none.state)).toBe(false);
  mkdirSync(present.state);
  await expect(restore({} as never, present, file)).rejects.toMatchObject(refused);
  expect(existsSync(present.state)).toBe(true);
});
