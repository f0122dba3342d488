import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, type LibvirtClient } from './client.ts';
import { holesToZeros, isHole, type StreamChunk, zerosToHoles } from './stream-chunk.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from './testing/fake-libvirtd.ts';

const MIB = 2 ** 20;
const vol = { pool: 'p', name: 'v', key: '/v' };
const whole = { vol, offset: 0, length: 0 };

let dir: string;
let fake: FakeLibvirtd;
let front: Server;
/** The server's ends of the connections, to stop reading and to see what waits. */
let sockets: Socket[];
let lv: LibvirtClient;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'streams-'));
  fake = await startFakeLibvirtd(join(dir, 'unused'));
  sockets = [];
  front = createServer((socket) => {
    sockets.push(socket);
    fake.accept(socket);
  });
  await new Promise<void>((resolve) => front.listen(join(dir, 's'), resolve));
  lv = await connect(`qemu:///system?socket=${join(dir, 's')}`);
});

afterEach(async () => {
  await lv.close();
  await fake.stop();
  await new Promise((resolve) => front.close(resolve));
  await rm(dir, { recursive: true });
});

async function collect<T>(readable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of readable) all.push(one);
  return all;
}

const streamOf = (chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(to) {
      for (const chunk of chunks) to.enqueue(chunk);
      to.close();
    },
  });

/** The bytes that chunks with holes stand for. */
const expand = (chunks: readonly StreamChunk[]): Buffer =>
  Buffer.concat(chunks.map((chunk) => (isHole(chunk) ? Buffer.alloc(chunk.hole) : chunk)));

describe('bytes', () => {
  const sent = Buffer.from(Array.from({ length: 3 * MIB }, (_, at) => (at * 7 + (at >> 8)) & 0xff));

  beforeEach(() => {
    fake.on('storageVolDownload', () => ({
      open(peer) {
        for (let at = 0; at < sent.length; at += 100_003) peer.send(sent.subarray(at, at + 100_003));
        peer.end();
      },
    }));
  });

  test('stay as they came, although all sockets receive into one buffer', async () => {
    const [one, other] = await Promise.all([lv.storageVolDownload(whole), lv.storageVolDownload(whole)]);
    const [first, second] = await Promise.all([collect(one.readable), collect(other.readable)]);
    expect(Buffer.concat(first).equals(sent)).toBe(true);
    expect(Buffer.concat(second).equals(sent)).toBe(true);
  });

  test.each([1_000, 262_144, 5 * MIB])('fill a buffer of %d bytes that the reader brings', async (size) => {
    const { readable, closed } = await lv.storageVolDownload(whole);
    const reader = readable.getReader({ mode: 'byob' });
    const got: Buffer[] = [];
    let buffer = new Uint8Array(size);
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done) break;
      got.push(Buffer.from(value));
      buffer = new Uint8Array(value.buffer);
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    await closed;
  });
});

describe('holes', () => {
  test('come and go with their lengths', async () => {
    fake.on('storageVolDownload', ({ flags }) => ({
      open(peer) {
        expect(flags).toBe(1);
        peer.send(Buffer.from('data'));
        peer.sendHole(5 * 2 ** 40);
        peer.send(Buffer.from('more'));
        peer.end();
      },
    }));
    const { readable } = await lv.storageVolDownloadSparse(whole);
    const chunks = await collect(readable);
    expect(chunks.map((chunk) => (isHole(chunk) ? chunk.hole : Buffer.from(chunk).toString()))).toEqual([
      'data',
      5 * 2 ** 40,
      'more',
    ]);
    const seen: unknown[] = [];
    fake.on('storageVolUpload', ({ flags }) => ({
      data: (bytes) => void seen.push(Buffer.from(bytes).toString()),
      hole: (length) => void seen.push(length),
      finished: () => void seen.push(flags),
    }));
    const { writable } = await lv.storageVolUploadSparse(whole);
    const writer = writable.getWriter();
    await writer.write(Buffer.from('x'));
    await writer.write({ hole: 7 * 2 ** 40 });
    await writer.close();
    expect(seen).toEqual(['x', 7 * 2 ** 40, 1]);
  });

  test('unasked, negative or unreadable ones break the stream', async () => {
    for (const length of [5, -5]) {
      fake.on('storageVolDownload', () => ({ open: (peer) => peer.sendHole(length) }));
      const { readable } =
        length > 0 ? await lv.storageVolDownload(whole) : await lv.storageVolDownloadSparse(whole);
      await expect(collect<StreamChunk>(readable)).rejects.toMatchObject({ code: 'PROTOCOL' });
    }
  });

  test('the flag alone is refused, and a hole where none may be', async () => {
    await expect(lv.storageVolDownload({ ...whole, flags: 1 })).rejects.toThrow(/storageVolDownloadSparse/);
    fake.on('storageVolUpload', () => ({}));
    const { writable } = await lv.storageVolUpload(whole);
    await expect(writable.getWriter().write({ hole: 1 } as never)).rejects.toThrow(/must be bytes/);
    const sparse = await lv.storageVolUploadSparse(whole);
    await expect(sparse.writable.getWriter().write({ hole: -1 })).rejects.toThrow(/must be bytes or \{ hole/);
  });

  test('zeros become holes and holes zeros, whatever the chunks', async () => {
    const run = fc.record({
      zero: fc.boolean(),
      blocks: fc.integer({ min: 0, max: 4 }),
      rest: fc.integer({ min: 0, max: 4_095 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(run, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1 }),
        async (runs, cuts) => {
          const content = Buffer.concat(
            runs.map(({ zero, blocks, rest }) => Buffer.alloc(blocks * 4_096 + rest, zero ? 0 : 7)),
          );
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < content.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            chunks.push(content.subarray(at, at + size));
            at += size;
          }
          const sparse = await collect(streamOf(chunks).pipeThrough(zerosToHoles()));
          expect(expand(sparse).equals(content)).toBe(true);
          const dense = await collect(
            streamOf(chunks).pipeThrough(zerosToHoles()).pipeThrough(holesToZeros()),
          );
          expect(Buffer.concat(dense).equals(content)).toBe(true);
        },
      ),
    );
    const mostly = await collect(
      streamOf([Buffer.alloc(MIB), Buffer.from('x'), Buffer.alloc(MIB)]).pipeThrough(zerosToHoles()),
    );
    expect(mostly.filter(isHole).reduce((sum, { hole }) => sum + hole, 0)).toBeGreaterThan(2 * MIB - 8_192);
  });
});

/** What may be under way in buffers of the kernel and of both streams while one end sleeps. */
const UNDER_WAY_MAX = 3 * MIB;

describe('back-pressure', () => {
  test('a reader that sleeps makes the server wait', async () => {
    const total = 64 * MIB;
    fake.on('storageVolDownload', () => ({
      open(peer) {
        const block = Buffer.alloc(MIB / 4);
        for (let sent = 0; sent < total; sent += block.length) peer.send(block);
        peer.end();
      },
    }));
    const { readable } = await lv.storageVolDownload(whole);
    const stream = sockets[1];
    const taken = (): number => total - (stream?.writableLength ?? 0);
    await settled(taken);
    expect(taken()).toBeLessThan(UNDER_WAY_MAX);
    let bytes = 0;
    for await (const chunk of readable) bytes += chunk.length;
    expect(bytes).toBe(total);
  });

  test('a server that sleeps makes the writer wait', async () => {
    let received = 0;
    fake.on('storageVolUpload', () => ({
      data: (bytes) => {
        received += bytes.length;
      },
    }));
    const { writable } = await lv.storageVolUpload(whole);
    const writer = writable.getWriter();
    sockets[1]?.pause();
    let written = 0;
    const block = Buffer.alloc(MIB / 4);
    const writing = (async () => {
      while (written < 64 * MIB) {
        await writer.ready;
        writer.write(block).catch(() => {});
        written += block.length;
      }
      await writer.close();
    })();
    await settled(() => written);
    expect(written).toBeLessThan(UNDER_WAY_MAX);
    sockets[1]?.resume();
    await writing;
    expect(received).toBe(64 * MIB);
  });
});

/** Waits until a figure has stopped growing. */
async function settled(figure: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = figure();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}
