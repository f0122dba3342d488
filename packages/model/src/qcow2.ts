/**
 * The header of a qcow2 file, read without trust: an image may come from anybody, and a header can name other files
 * of the reader's machine (backing file, external data file). Nothing here touches a file.
 * Source: QEMU, docs/interop/qcow2.rst; limits as in block/qcow2.h of QEMU 7.2.
 */
import { err } from './errors.ts';

/** So much of the beginning of a file (or all of a shorter one) is what the functions below want. */
export const QCOW2_HEADER_BYTES = 65_536;

export interface Qcow2Header {
  version: 2 | 3;
  virtualBytes: number;
  clusterBits: number;
  /** Name of the backing file as written, if any. */
  backingFile?: string;
  /** Its stated format, if stated. */
  backingFormat?: string;
  externalDataFile: boolean;
  encrypted: boolean;
  dirty: boolean;
  corrupt: boolean;
  snapshots: number;
}

/** Not a qcow2 file, or one that breaks the format's rules. */
export class Qcow2Error extends Error {
  override name = 'Qcow2Error';
}

const MAGIC = 0x514649fb;
const EXTENSION = { end: 0, backingFormat: 0xe2792aca, dataFile: 0x44415441 } as const;
const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n } as const;
const KNOWN_INCOMPATIBLE = 31n;
const MAX_L1_BYTES = 32 * 2 ** 20;
const MAX_REFCOUNT_TABLE_BYTES = 8 * 2 ** 20;
const MAX_NAME_BYTES = 1023;
const MAX_VIRTUAL_BYTES = 2 ** 51;

/**
 * Reads the header out of the first QCOW2_HEADER_BYTES of a file.
 * @throws Qcow2Error
 */
export function parseQcow2Header(bytes: Uint8Array): Qcow2Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  require(bytes.length >= 72, 'it is shorter than a qcow2 header');
  require(view.getUint32(0) === MAGIC, 'it is not a qcow2 file');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw new Qcow2Error(`qcow2 version ${version} is unknown`);
  const clusterBits = view.getUint32(20);
  require(clusterBits >= 9 && clusterBits <= 21, `cluster size 2^${clusterBits} is out of range`);
  const virtualBytes = readSize(view, 24);
  checkTables(view, virtualBytes, clusterBits);

  const headerBytes = version === 2 ? 72 : view.byteLength >= 104 ? view.getUint32(100) : 0;
  const clusterBytes = 2 ** clusterBits;
  require(headerBytes === 72 ||
    (headerBytes >= 104 &&
      headerBytes % 8 === 0 &&
      headerBytes <= clusterBytes), `header length ${headerBytes} is wrong`);
  const incompatible = version === 2 ? 0n : view.getBigUint64(72);
  const unknown = incompatible & ~KNOWN_INCOMPATIBLE;
  require(unknown === 0n, `it needs features that are not known here (bits 0x${unknown.toString(16)})`);
  const backing = readBacking(view, clusterBytes);
  const extensions = readExtensions(
    view,
    headerBytes,
    Math.min(backing?.offset ?? clusterBytes, clusterBytes),
  );
  return {
    version,
    virtualBytes,
    clusterBits,
    ...(backing ? { backingFile: backing.name } : {}),
    ...(extensions.backingFormat === undefined ? {} : { backingFormat: extensions.backingFormat }),
    externalDataFile: (incompatible & INCOMPATIBLE.dataFile) !== 0n || extensions.dataFile,
    encrypted: view.getUint32(32) !== 0,
    dirty: (incompatible & INCOMPATIBLE.dirty) !== 0n,
    corrupt: (incompatible & INCOMPATIBLE.corrupt) !== 0n,
    snapshots: view.getUint32(60),
  };
}

/**
 * What an image must be to be taken in: complete in itself and plain.
 * @throws GantryError `image_unsafe`
 */
export function checkQcow2Header(bytes: Uint8Array): Qcow2Header {
  const header = refusing(() => parseQcow2Header(bytes));
  const refuse = (why: string) => err('image_unsafe', { why });
  if (header.backingFile !== undefined)
    throw refuse(`it stands on another file (${JSON.stringify(header.backingFile)})`);
  if (header.externalDataFile) throw refuse('its data lies in another file (external data file)');
  if (header.encrypted) throw refuse('it is encrypted');
  if (header.corrupt) throw refuse('it is marked as corrupt');
  if (header.dirty)
    throw refuse('it was not closed properly (dirty bit); `qemu-img check -r all` repairs it');
  if (header.snapshots > 0) throw refuse(`it has ${header.snapshots} internal snapshots`);
  if (header.virtualBytes === 0) throw refuse('it describes an empty disk');
  return header;
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Qcow2Error) throw err('image_unsafe', { why: error.message }, error);
    throw error;
  }
}

function require(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Qcow2Error(why);
}

function readSize(view: DataView, at: number): number {
  const size = view.getBigUint64(at);
  require(size <= BigInt(MAX_VIRTUAL_BYTES), `it describes a disk of ${size} bytes, more than 2 PiB`);
  return Number(size);
}

function checkTables(view: DataView, virtualBytes: number, clusterBits: number): void {
  const clusterBytes = 2 ** clusterBits;
  const l1Entries = view.getUint32(36);
  // Extended L2 entries are twice as long; the larger count is needed then. The smaller one is demanded here.
  const needed = Math.ceil(virtualBytes / (clusterBytes * (clusterBytes / 8)));
  require(l1Entries * 8 <= MAX_L1_BYTES, `its L1 table is absurd (${l1Entries} entries)`);
  require(l1Entries >= needed, `its L1 table is too small (${l1Entries} entries, ${needed} needed)`);
  require(isAligned(view, 40, clusterBytes), 'its L1 table lies at a wrong place');
  require(isAligned(view, 48, clusterBytes), 'its refcount table lies at a wrong place');
  const refcountBytes = view.getUint32(56) * clusterBytes;
  require(refcountBytes > 0 && refcountBytes <= MAX_REFCOUNT_TABLE_BYTES, 'its refcount table is absurd');
}

function isAligned(view: DataView, at: number, clusterBytes: number): boolean {
  const offset = view.getBigUint64(at);
  return offset % BigInt(clusterBytes) === 0n && offset < 2n ** 56n;
}

function readBacking(view: DataView, clusterBytes: number): { name: string; offset: number } | undefined {
  const [offset, length] = [view.getBigUint64(8), view.getUint32(16)];
  if (offset === 0n) return undefined;
  require(length >= 1 && length <= MAX_NAME_BYTES, `the name of its backing file has ${length} bytes`);
  const end = offset + BigInt(length);
  require(end <=
    BigInt(Math.min(clusterBytes, view.byteLength)), 'the name of its backing file lies outside the header');
  return { name: text(view, Number(offset), length), offset: Number(offset) };
}

/** Walks the header extensions: type, length, data padded to 8 bytes; type 0 or `limit` ends them. */
function readExtensions(view: DataView, start: number, limit: number) {
  let backingFormat: string | undefined;
  let dataFile = false;
  for (let at = start; at + 8 <= limit; ) {
    require(at + 8 <= view.byteLength, 'its header extensions do not end');
    const [type, length] = [view.getUint32(at), view.getUint32(at + 4)];
    if (type === EXTENSION.end) break;
    require(at + 8 + length <= Math.min(limit, view.byteLength), 'a header extension is too long');
    if (type === EXTENSION.backingFormat) backingFormat = text(view, at + 8, length);
    if (type === EXTENSION.dataFile) dataFile = true;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return { backingFormat, dataFile };
}

const text = (view: DataView, at: number, length: number): string =>
  new TextDecoder('utf-8').decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
