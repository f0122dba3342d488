/**
 * Files on the wire. Each is a head (JSON), its data with their places, and an end with the size and the SHA-256 of all
 * that came since the head. Holes and zeros are left out; what is written anew reads as zeros there.
 *
 *     type u8 (1 head, 2 data, 3 end) | 0 u24 | length of the payload u32 | place in the file, or its size, u64 | payload
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { err } from '@gantry/model';
import { writeFully } from '../storage/write-fully.ts';
import type { Extent } from './extents.ts';

export const kinds = { head: 1, data: 2, end: 3 } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

export const HEADER_BYTES = 16;
export const MOST_PAYLOAD = 2 ** 20;
const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

/** One of the guest's own files by its name, or, without data, the machine that it knows. */
export interface GuestHead {
  what: 'guest';
  file?: string;
  hardware?: unknown;
}

/** What a file is to the receiver. */
export type FileHead =
  /** A base that the disk stands on and that the other node has not. */
  | { what: 'base'; sha256: string }
  | GuestHead
  /** The disk's own file. */
  | { what: 'disk'; base?: string };

/** Where a file is written. */
export interface Sink {
  /** Writes all of them. */
  writeAt(bytes: Buffer, place: number): Promise<void>;
  truncate(size: number): Promise<void>;
}

export const broken = (why: string, cause?: unknown) =>
  err('transfer_failed', { what: 'a disk', why }, cause);

function message(kind: Kind, place: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(payload.length, 4);
  bytes.writeBigUInt64BE(BigInt(place), 8);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** One file. @param told hears of bytes of it that go over: not of holes and zeros */
export async function* messagesOf(
  head: FileHead,
  file: { handle: FileHandle; sizeBytes: number; extents: readonly Extent[] } | undefined,
  told: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer> {
  yield message(kinds.head, 0, Buffer.from(JSON.stringify(head)));
  const hash = createHash('sha256');
  for (const extent of file?.extents ?? []) {
    for await (const { place, bytes } of piecesOf((file as { handle: FileHandle }).handle, extent)) {
      if (isZero(bytes)) continue;
      told(bytes.length);
      const data = message(kinds.data, place, bytes);
      hash.update(data);
      yield data;
    }
  }
  yield message(kinds.end, file?.sizeBytes ?? 0, hash.digest());
}

async function* piecesOf(handle: FileHandle, { start, length }: Extent) {
  for (let place = start; place < start + length; ) {
    const wanted = Math.min(MOST_PAYLOAD, start + length - place);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, place);
    if (bytesRead === 0) throw broken('the disk got shorter while it was read');
    yield { place, bytes: buffer.subarray(0, bytesRead) };
    place += bytesRead;
  }
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const end = Math.min(at + BLOCK, bytes.length);
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

interface Message {
  kind: number;
  place: number;
  payload: Buffer;
  whole: Buffer;
}

/** Files as they come. */
export class Incoming {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #kept: Buffer = Buffer.alloc(0);
  #inFile = false;

  constructor(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#chunks = bytes[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** The next file; undefined when there is none. @throws GantryError `transfer_failed` */
  async next(): Promise<FileHead | undefined> {
    if (this.#inFile) throw new Error('the file before was not read');
    const found = await this.#message();
    if (!found) return undefined;
    if (found.kind !== kinds.head) throw broken('a file without its head');
    this.#inFile = true;
    return headOf(found.payload);
  }

  /** Writes it; the file must be new. It is not synced. @returns its size */
  async writeTo(file: Sink): Promise<number> {
    const size = await this.#consume(({ place, payload }) => file.writeAt(payload, place));
    await file.truncate(size);
    return size;
  }

  async skip(): Promise<void> {
    await this.#consume(async () => undefined);
  }

  /** Data until the end of the file, checked. */
  async #consume(use: (data: Message) => Promise<void>): Promise<number> {
    const hash = createHash('sha256');
    let reached = 0;
    for (;;) {
      this.#signal.throwIfAborted();
      const found = await this.#message();
      if (!found) throw broken('it ended in the middle of a file');
      if (found.kind === kinds.end) return this.#end(found, hash.digest(), reached);
      if (found.kind !== kinds.data) throw broken('a head in the middle of a file');
      if (found.place < reached) throw broken('data out of order');
      reached = found.place + found.payload.length;
      hash.update(found.whole);
      await use(found);
    }
  }

  #end({ payload, place }: Message, digest: Buffer, reached: number): number {
    if (!payload.equals(digest)) throw broken('its checksum is wrong');
    if (place < reached) throw broken('its data reach beyond its size');
    this.#inFile = false;
    return place;
  }

  async #message(): Promise<Message | undefined> {
    const header = await this.#take(HEADER_BYTES);
    if (!header) return undefined;
    const length = header.readUInt32BE(4);
    const place = Number(header.readBigUInt64BE(8));
    if (length > MOST_PAYLOAD || !Number.isSafeInteger(place + length)) throw broken('not a message');
    const payload = await this.#take(length);
    if (!payload) throw broken('it ended in the middle of a message');
    const whole = Buffer.concat([header, payload]);
    return { kind: header.readUInt8(0), place, payload, whole };
  }

  /** Undefined where the stream ends before the first of them. */
  async #take(length: number): Promise<Buffer | undefined> {
    const parts = [this.#kept];
    for (let has = this.#kept.length; has < length; ) {
      const { done, value } = await this.#chunks.next();
      if (done && has === 0) return undefined;
      if (done) throw broken('it ended in the middle of a message');
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      has += value.byteLength;
    }
    const all = parts.length === 1 ? this.#kept : Buffer.concat(parts);
    this.#kept = all.subarray(length);
    return all.subarray(0, length);
  }
}

export const sinkOf = (file: FileHandle): Sink => ({
  writeAt: (bytes, place) => writeFully(file, bytes, place),
  truncate: (size) => file.truncate(size),
});

function headOf(payload: Buffer): FileHead {
  try {
    const head = JSON.parse(payload.toString()) as FileHead;
    const digest = head.what === 'base' ? head.sha256 : head.what === 'disk' ? head.base : undefined;
    if (digest !== undefined && !/^[0-9a-f]{64}$/.test(digest)) throw broken('not a digest');
    if (head.what === 'base' || head.what === 'guest' || head.what === 'disk') return head;
  } catch (error) {
    throw broken('a head that cannot be read', error);
  }
  throw broken('a file of an unknown kind');
}
