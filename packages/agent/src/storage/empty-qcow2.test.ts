import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkQcow2Header, parseQcow2Header } from '@gantry/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHead } from './backing.ts';
import { MAX_QCOW2_BYTES, writeEmptyQcow2 } from './empty-qcow2.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-qcow2-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('writeEmptyQcow2', () => {
  it('writes headers that our own parser accepts, for every size', async () => {
    let n = 0;
    const sectors = fc.integer({ min: 1, max: MAX_QCOW2_BYTES / 512 });
    await fc.assert(
      fc.asyncProperty(sectors, async (count) => {
        const path = join(dir, `${n++}`);
        await writeEmptyQcow2(path, { sizeBytes: count * 512 });
        expect(checkQcow2Header(await readHead(path))).toMatchObject({
          version: 3,
          virtualBytes: count * 512,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('names its base and its format', async () => {
    const path = join(dir, 'overlay');
    await writeEmptyQcow2(path, { sizeBytes: 2 ** 30, backing: { file: '../bases/x.raw', format: 'raw' } });
    const header = parseQcow2Header(await readHead(path));
    expect(header).toMatchObject({ backingFile: '../bases/x.raw', backingFormat: 'raw' });
  });

  it('takes little space, and never replaces a file', async () => {
    const path = join(dir, 'thin');
    await writeEmptyQcow2(path, { sizeBytes: 2 ** 40 });
    expect((await stat(path)).blocks * 512).toBeLessThanOrEqual(64 * 1024);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(writeEmptyQcow2(path, { sizeBytes: 512 })).rejects.toMatchObject({ code: 'EEXIST' });
  });
});
