import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileSha256 } from './sha256.ts';

const MIB = 2 ** 20;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-sha-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a file of several pieces has the sum of its bytes', async () => {
  const path = join(dir, 'store.db');
  const content = Buffer.alloc(3 * MIB + 7, 'gantry');
  writeFileSync(path, content);
  expect(await fileSha256(path)).toEqual(createHash('sha256').update(content).digest());
});

test('a large file is never in memory as a whole: Node reads none above 2 GiB at once', async () => {
  const path = join(dir, 'store.db');
  writeFileSync(path, '');
  truncateSync(path, 256 * MIB);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const look = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 5);
  await fileSha256(path).finally(() => clearInterval(look));
  // what was read already is there until the collector comes by
  expect(most - before).toBeLessThan(192 * MIB);
});
