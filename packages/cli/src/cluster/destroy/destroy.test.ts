import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Globals, Session } from '../../session.ts';
import { fakeIo } from '../../testing/fake-io.ts';
import { layoutOf } from '../layout.ts';
import { destroyCluster } from './destroy.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-destroy-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const destroy = (config: string) => {
  const session = new Session(fakeIo({ GANTRY_CONFIG: config }), { yes: true } as Globals);
  const wishes = { name: 'prod', stopGuests: true, leaveBehind: [] };
  return destroyCluster(session, layoutOf(join(dir, 'state')), wishes);
};

test('a cluster that another command has ended meanwhile: told, and nothing is made', async () => {
  await expect(destroy(join(dir, 'config.json'))).rejects.toMatchObject({ code: 'host_unfit' });
  expect(existsSync(join(dir, 'state'))).toBe(false);
});

test('a configuration that cannot be read is told before anything is done', async () => {
  const config = join(dir, 'config.json');
  writeFileSync(config, '{');
  await expect(destroy(config)).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(existsSync(join(dir, 'state'))).toBe(false);
});
