import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataExtents } from './extents.ts';
import { type FileHead, HEADER_BYTES, Incoming, messagesOf, sinkOf } from './messages.ts';

const { signal } = new AbortController();
let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-messages-'));
});
afterAll(() => rm(dir, { recursive: true }));
const fresh = () => join(dir, String(count++));

const head: FileHead = { what: 'disk' };

/** A file of so many bytes, zero but for these. */
async function sparse(size: number, data: { at: number; bytes: Uint8Array }[]): Promise<string> {
  const path = fresh();
  await writeFile(path, '');
  await truncate(path, size);
  const file = await open(path, 'r+');
  for (const { at, bytes } of data) await file.write(bytes, 0, bytes.length, at);
  await file.close();
  return path;
}

async function sent(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  const { size: sizeBytes } = await handle.stat();
  const messages: Buffer[] = [];
  for await (const each of messagesOf(head, { handle, sizeBytes, extents: await dataExtents(path, signal) }))
    messages.push(each);
  await handle.close();
  return Buffer.concat(messages);
}

async function* chunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function taken(bytes: Uint8Array, sizes: readonly number[] = [65_536]): Promise<string> {
  const incoming = new Incoming(chunks(bytes, sizes), signal);
  expect(await incoming.next()).toEqual(head);
  const path = fresh();
  const file = await open(path, 'wx');
  try {
    await incoming.writeTo(sinkOf(file));
  } finally {
    await file.close();
  }
  expect(await incoming.next()).toBeUndefined();
  return path;
}

test('any file arrives as it was, in chunks of any size', async () => {
  const piece = fc.record({ at: fc.nat(3_000_000), bytes: fc.uint8Array({ minLength: 1, maxLength: 5000 }) });
  const sizes = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(3_100_000),
      fc.array(piece, { maxLength: 8 }),
      sizes,
      async (size, data, steps) => {
        const fitting = data.filter(({ at, bytes }) => at + bytes.length <= size);
        const path = await sparse(size, fitting);
        const copy = await taken(await sent(path), steps);
        expect((await readFile(copy)).equals(await readFile(path))).toBe(true);
      },
    ),
    { numRuns: 25 },
  );
});

test('holes and zeros stay holes, and are not sent', async () => {
  const path = await sparse(200 * 2 ** 20, [{ at: 100 * 2 ** 20, bytes: Buffer.from('something') }]);
  await truncate(path, 200 * 2 ** 20);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(4 * 2 ** 20), 0, 4 * 2 ** 20, 10 * 2 ** 20); // allocated zeros
  await file.close();
  const bytes = await sent(path);
  expect(bytes.length).toBeLessThan(2 ** 20);
  const copy = await stat(await taken(bytes));
  expect(copy.size).toBe(200 * 2 ** 20);
  expect(copy.blocks * 512).toBeLessThan(2 ** 20);
});

describe('what is cut or changed on the way is refused', () => {
  let whole: Buffer;
  beforeAll(async () => {
    whole = await sent(await sparse(300_000, [{ at: 5, bytes: Buffer.alloc(200_000, 'x') }]));
  });
  const refused = (bytes: Uint8Array) =>
    expect(taken(bytes)).rejects.toSatisfy((error) => isGantryError(error, 'transfer_failed'));

  test('at any place', async () => {
    const cuts = Array.from({ length: 40 }, (_, index) => Math.floor((whole.length * index) / 40));
    for (const cut of [...cuts.slice(1), whole.length - 1, HEADER_BYTES, HEADER_BYTES + 3])
      await refused(whole.subarray(0, cut));
  });

  test.each([
    ['a byte of the data', (bytes: Buffer) => bytes.writeUInt8(0, 1000)],
    [
      'a byte of the checksum',
      (bytes: Buffer) => bytes.writeUInt8(bytes.at(-1) === 0 ? 1 : 0, bytes.length - 1),
    ],
    ['the size', (bytes: Buffer) => bytes.writeBigUInt64BE(3n, bytes.length - 32 - 8)],
    ['the kind of a message', (bytes: Buffer) => bytes.writeUInt8(9, 0)],
    ['the length of a message', (bytes: Buffer) => bytes.writeUInt32BE(0xffffffff, 4)],
  ])('%s', async (_what, change) => {
    const bytes = Buffer.from(whole);
    change(bytes);
    await expect(taken(bytes)).rejects.toThrow();
  });

  test.each(['nonsense', '{"what":"kernel"}', '{"what":"base","sha256":"../../etc"}', '[]', 'null'])(
    'the head %s',
    async (text) => {
      const payload = Buffer.from(text);
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt8(1, 0);
      header.writeUInt32BE(payload.length, 4);
      const incoming = new Incoming(chunks(Buffer.concat([header, payload]), [100]), signal);
      await expect(incoming.next()).rejects.toSatisfy((error) => isGantryError(error, 'transfer_failed'));
    },
  );
});
