import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEnv } from '../testing/test-env.ts';
import { DiskImageFiles } from './image-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-images-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a full disk', () => {
  test('a write that was cut short is no image', async () => {
    // a limit for files does what a file system does that gets full in the middle of a write
    const program = `
      const { DiskImageFiles } = await import(${JSON.stringify(new URL('image-files.ts', import.meta.url).href)});
      const files = new DiskImageFiles(${JSON.stringify(dir)}, { uuid: () => 'one' });
      const said = await files.put([Buffer.alloc(150_000)], () => {}, async () => 'kept').catch((e) => e.code);
      console.log(said);`;
    const argv = ['--fsize=100000', process.execPath, '--input-type=module', '-e', program];
    const { stdout } = await promisify(execFile)('prlimit', argv);
    expect(stdout.trim()).toBe('EFBIG');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('uploads at the same time leave the store its room', async () => {
    const MIB = 2 ** 20;
    let freeBytes = (256 + 100) * MIB;
    const files = new DiskImageFiles(dir, testEnv(), async () => freeBytes);
    async function* content() {
      for (let count = 0; count < 80; count++) {
        freeBytes -= MIB;
        yield Buffer.alloc(MIB, count);
      }
    }
    const put = () =>
      files.put(
        content(),
        () => undefined,
        async () => 'kept',
      );
    const both = await Promise.allSettled([put(), put()]);
    expect(freeBytes).toBeGreaterThan(200 * MIB);
    expect(both).toContainEqual({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'no_space' }),
    });
  });
});
