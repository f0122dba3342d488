import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProcessError, run } from '../process/run.ts';
import { writeFully } from './write-fully.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-write-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** A file whose every write takes only so many bytes. */
async function through(most: number[], bytes: Uint8Array, place: number): Promise<Buffer> {
  const path = join(dir, 'file');
  const file = await open(path, 'w');
  let turn = 0;
  const short = {
    write: async (from: Uint8Array, offset: number, length: number, at: number) =>
      await file.write(from, offset, Math.min(length, most[turn++ % most.length] ?? 1), at),
  };
  try {
    await writeFully(short as never, bytes, place);
  } finally {
    await file.close();
  }
  return await readFile(path);
}

test('however short each write is, all is there', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 50 }),
      async (bytes, most, place) => {
        const written = await through(most, bytes, place);
        expect(written.subarray(place)).toEqual(Buffer.from(bytes));
      },
    ),
  );
});

test('a file that takes nothing more is an error, and no loop', async () => {
  await expect(through([3, 0], Buffer.from('more than that'), 0)).rejects.toMatchObject({ code: 'EIO' });
});

test('an empty disk is whole or refused, wherever a limit cuts it', async () => {
  const writer = new URL('./empty-qcow2.ts', import.meta.url).pathname;
  const script = `const { writeEmptyQcow2 } = await import(${JSON.stringify(writer)});
    await writeEmptyQcow2(process.argv[1], { sizeBytes: 2 ** 30 });`;
  for (const blocks of [4, 130, 200]) {
    const path = join(dir, `limited-${blocks}`);
    // in blocks of 512 bytes; SIGXFSZ is ignored, so that a write at the limit is short and the next one fails
    const limited = `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`;
    const node = [process.execPath, '--input-type=module', '-e', script, '--', path];
    await expect(run(['sh', '-c', limited, 'sh', ...node])).rejects.toThrow(ProcessError);
  }
});
