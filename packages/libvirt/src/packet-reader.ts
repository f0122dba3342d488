import {
  HEADER_BYTES,
  LENGTH_BYTES,
  PACKET_MAX_BYTES,
  PACKET_TYPE,
  type Packet,
  type PacketHeader,
  parsePacket,
  STATUS,
} from './frame.ts';
import { asBuffer, XdrError } from './xdr.ts';

type Take = (packet: Packet) => void;
/** A stream packet whose data is passing through, and how many bytes of it are still to come. */
interface Passing {
  readonly header: PacketHeader;
  left: number;
}

const EMPTY = Buffer.alloc(0);
const HEAD_BYTES = LENGTH_BYTES + HEADER_BYTES;
/** A bigger one is given back once its packet is complete. */
const KEPT_BYTES = 64 * 1024;

/**
 * Cuts a byte stream into packets. Holds no more than twice what has arrived: an announced length allocates nothing.
 * Throws XdrError on a length or a header that no libvirt server sends; the connection is then beyond repair.
 */
export class PacketReader {
  readonly #maxBytes: number;
  readonly #inParts: boolean;
  /** A packet that has begun: what there is of it, and how much it takes to know more. */
  #store = EMPTY;
  #held = 0;
  #wanted = 0;
  #passing: Passing | undefined;

  /** `inParts`: data of a stream is given as it comes, a packet of it as several with the same header. */
  constructor(maxBytes = PACKET_MAX_BYTES, inParts = false) {
    this.#maxBytes = maxBytes;
    this.#inParts = inParts;
  }

  /**
   * Takes in what arrived and gives `take` the packets it completed. Their bodies are not copies: they are valid until
   * `take` returns, and so are the bytes taken in until this does.
   */
  push(chunk: Uint8Array, take: Take): void {
    let rest = asBuffer(chunk);
    while (rest.length > 0) {
      if (this.#passing !== undefined) rest = this.#pass(this.#passing, rest, take);
      else if (this.#held > 0) rest = this.#continue(rest, take);
      else rest = this.#begin(rest, take);
    }
  }

  /** Bytes of a packet that has begun and not ended. */
  get pending(): number {
    return this.#held + (this.#passing?.left ?? 0);
  }

  /** As much of the passing data as has come. */
  #pass(passing: Passing, bytes: Buffer, take: Take): Buffer {
    const body = bytes.subarray(0, passing.left);
    passing.left -= body.length;
    if (passing.left === 0) this.#passing = undefined;
    take({ ...passing.header, body });
    return bytes.subarray(body.length);
  }

  /** At the first byte of a packet. */
  #begin(bytes: Buffer, take: Take): Buffer {
    if (bytes.length < LENGTH_BYTES) return this.#hold(bytes, LENGTH_BYTES);
    const total = bytes.readUInt32BE(0);
    if (total < HEAD_BYTES || total > this.#maxBytes)
      throw new XdrError('BAD_VALUE', `a packet length of ${total}; allowed are 28 to ${this.#maxBytes}`);
    if (bytes.length >= total) {
      // Most come alone: each view of bytes costs as much as reading the header.
      const alone = bytes.length === total;
      take(parsePacket(alone ? bytes : bytes.subarray(0, total)));
      return alone ? EMPTY : bytes.subarray(total);
    }
    if (!this.#inParts) return this.#hold(bytes, total);
    if (bytes.length < HEAD_BYTES) return this.#hold(bytes, HEAD_BYTES);
    const { body: _, ...header } = parsePacket(bytes.subarray(0, HEAD_BYTES));
    if (header.type !== PACKET_TYPE.stream || header.status !== STATUS.continue)
      return this.#hold(bytes, total);
    // A stream's data need not be whole to be of use.
    this.#passing = { header, left: total - HEAD_BYTES };
    return bytes.subarray(HEAD_BYTES);
  }

  /** Once there is what was wanted of a begun packet it is looked at again, as if it had come at once. */
  #continue(bytes: Buffer, take: Take): Buffer {
    const more = bytes.subarray(0, this.#wanted - this.#held);
    this.#hold(more, this.#wanted);
    if (this.#held === this.#wanted) {
      const begun = this.#store.subarray(0, this.#held);
      this.#held = 0;
      if (this.#store.length > KEPT_BYTES) this.#store = EMPTY;
      this.#begin(begun, take);
    }
    return bytes.subarray(more.length);
  }

  #hold(bytes: Buffer, wanted: number): Buffer {
    const length = this.#held + bytes.length;
    if (length > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#store.length * 2));
      this.#store.copy(grown, 0, 0, this.#held);
      this.#store = grown;
    }
    bytes.copy(this.#store, this.#held);
    this.#held = length;
    this.#wanted = wanted;
    return EMPTY;
  }
}
