/**
 * XDR (RFC 4506) as libvirt uses it: big-endian, every item padded to four bytes.
 * The reader trusts nothing: each length is checked against its limit and against what is really there before
 * anything is allocated, so a lying peer costs an error and never memory.
 */

/** Why a value could not be written or bytes could not be read. */
export type XdrErrorCode = 'TRUNCATED' | 'TOO_LONG' | 'BAD_VALUE' | 'TRAILING_BYTES';

/** A value that does not fit its layout, or bytes that are not what the layout says. `path` names the field. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
  readonly code: XdrErrorCode;
  readonly path: string;
  readonly detail: string;

  constructor(code: XdrErrorCode, detail: string, path = '') {
    super(path === '' ? detail : `${path}: ${detail}`);
    this.code = code;
    this.path = path;
    this.detail = detail;
  }

  /** The same error seen from one level further out. */
  within(field: string): XdrError {
    const joined =
      this.path === '' || this.path.startsWith('[') ? field + this.path : `${field}.${this.path}`;
    return new XdrError(this.code, this.detail, joined);
  }
}

const INITIAL_BYTES = 256;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;

/** Not with bit operators: a length of 2^31 would come out negative. */
const padded = (length: number): number => Math.ceil(length / 4) * 4;

function checkInteger(value: unknown, min: number, max: number, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new XdrError('BAD_VALUE', `expected ${what}, got ${show(value)}`);
  return value;
}

function checkBigint(value: unknown, min: bigint, max: bigint, what: string): bigint {
  const big = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof big !== 'bigint' || big < min || big > max)
    throw new XdrError('BAD_VALUE', `expected ${what}, got ${show(value)}`);
  return big;
}

/** A value for an error message: typed, short, and never the whole of a long string. */
function show(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value;
}

/** Writes XDR items into a buffer that grows. */
export class XdrWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length: number;

  /** `reserved` bytes are left free at the beginning. */
  constructor(reserved = 0) {
    this.#length = reserved;
  }

  /** The bytes written so far; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }

  int(value: number): void {
    const checked = checkInteger(value, -0x8000_0000, 0x7fff_ffff, 'a signed 32-bit integer');
    const at = this.#reserve(4);
    this.#buffer.writeInt32BE(checked, at);
  }

  uint(value: number, max = 0xffff_ffff): void {
    const checked = checkInteger(value, 0, max, `an integer from 0 to ${max}`);
    const at = this.#reserve(4);
    this.#buffer.writeUInt32BE(checked, at);
  }

  hyper(value: bigint | number): void {
    const checked = checkBigint(value, INT64_MIN, INT64_MAX, 'a signed 64-bit integer');
    const at = this.#reserve(8);
    this.#buffer.writeBigInt64BE(checked, at);
  }

  uhyper(value: bigint | number): void {
    const checked = checkBigint(value, 0n, UINT64_MAX, 'an unsigned 64-bit integer');
    const at = this.#reserve(8);
    this.#buffer.writeBigUInt64BE(checked, at);
  }

  double(value: number): void {
    if (typeof value !== 'number') throw new XdrError('BAD_VALUE', `expected a number, got ${show(value)}`);
    const at = this.#reserve(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  /** Bytes of a length both sides know. */
  fixed(value: Uint8Array, length: number): void {
    if (value.length !== length)
      throw new XdrError('BAD_VALUE', `expected ${length} bytes, got ${value.length}`);
    const at = this.#reserve(padded(length));
    this.#buffer.fill(0, at + length, at + padded(length));
    this.#buffer.set(value, at);
  }

  /** Bytes with their length in front. */
  opaque(value: Uint8Array, maxBytes: number): void {
    if (!(value instanceof Uint8Array))
      throw new XdrError('BAD_VALUE', `expected bytes (Uint8Array), got ${show(value)}`);
    if (value.length > maxBytes)
      throw new XdrError('TOO_LONG', `${value.length} bytes, at most ${maxBytes} are allowed`);
    this.uint(value.length);
    this.fixed(value, value.length);
  }

  /** A C string: UTF-8, and without NUL because the peer would silently cut it there. */
  string(value: string, maxBytes: number): void {
    if (typeof value !== 'string') throw new XdrError('BAD_VALUE', `expected a string, got ${show(value)}`);
    if (value.includes('\0')) throw new XdrError('BAD_VALUE', 'the string contains a NUL character');
    if (!value.isWellFormed()) throw new XdrError('BAD_VALUE', 'the string contains a lone surrogate');
    const bytes = Buffer.byteLength(value);
    if (bytes > maxBytes) throw new XdrError('TOO_LONG', `${bytes} bytes, at most ${maxBytes} are allowed`);
    this.uint(bytes);
    const at = this.#reserve(padded(bytes));
    this.#buffer.fill(0, at + bytes, at + padded(bytes));
    this.#buffer.write(value, at, 'utf8');
  }
}

/** The same bytes with Buffer's methods. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads XDR items from bytes that may say anything. */
export class XdrReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = asBuffer(bytes);
  }

  get remaining(): number {
    return this.#buffer.length - this.#at;
  }

  #take(bytes: number): number {
    if (bytes > this.remaining)
      throw new XdrError('TRUNCATED', `${bytes} bytes expected, ${this.remaining} are left`);
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  int(): number {
    return this.#buffer.readInt32BE(this.#take(4));
  }

  uint(max = 0xffff_ffff): number {
    const value = this.#buffer.readUInt32BE(this.#take(4));
    if (value > max) throw new XdrError('BAD_VALUE', `${value} is above ${max}`);
    return value;
  }

  hyper(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8));
  }

  uhyper(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8));
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  /** A copy: the bytes stay valid when the packet's buffer is gone. */
  fixed(length: number): Uint8Array {
    const at = this.#take(padded(length));
    return new Uint8Array(this.#buffer.subarray(at, at + length));
  }

  /** Bytes of a length both sides know, as hexadecimal digits. */
  hex(length: number): string {
    const at = this.#take(padded(length));
    return this.#buffer.toString('hex', at, at + length);
  }

  opaque(maxBytes: number): Uint8Array {
    return this.fixed(this.#length(maxBytes, 'bytes'));
  }

  /** Bytes that are not UTF-8 become U+FFFD: one odd name must not make a whole host unreadable. */
  string(maxBytes: number): string {
    const length = this.#length(maxBytes, 'bytes');
    const at = this.#take(padded(length));
    return this.#buffer.toString('utf8', at, at + length);
  }

  /** How many elements follow, never more than `max` or than the bytes left could hold. */
  count(max: number, minBytesEach: number): number {
    const count = this.#length(max, 'elements');
    if (count * minBytesEach > this.remaining)
      throw new XdrError('TRUNCATED', `${count} elements announced, ${this.remaining} bytes are left`);
    return count;
  }

  #length(max: number, unit: string): number {
    const length = this.uint();
    if (length > max) throw new XdrError('TOO_LONG', `${length} ${unit}, at most ${max} are allowed`);
    return length;
  }

  /** Bytes after the last field mean that the layout is not the peer's. */
  end(): void {
    if (this.remaining > 0) throw new XdrError('TRAILING_BYTES', `${this.remaining} bytes too many`);
  }
}
