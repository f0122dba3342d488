import { XdrError, XdrReader, XdrWriter } from './xdr.ts';

/** The programs a libvirt server speaks; a packet names one. */
export const PROGRAM = { remote: 0x20008086, qemu: 0x20008087, keepAlive: 0x6b656570 } as const;

/** `virNetMessageType` of libvirt's RPC protocol. */
export const PACKET_TYPE = {
  call: 0,
  reply: 1,
  message: 2,
  stream: 3,
  callWithFds: 4,
  replyWithFds: 5,
  streamHole: 6,
} as const;

/** `virNetMessageStatus`. */
export const STATUS = { ok: 0, error: 1, continue: 2 } as const;

/** Biggest packet libvirt sends or takes, its length word included (VIR_NET_MESSAGE_MAX + 4). */
export const PACKET_MAX_BYTES = 33_554_432 + 4;
/** Most stream data libvirt puts into one packet (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
export const STREAM_CHUNK_BYTES = 262_120;

const VERSION = 1;
const LENGTH_BYTES = 4;
const HEADER_BYTES = 24;

/** A packet's header without the parts that never vary. */
export interface PacketHeader {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

/** A packet as received: the body is not looked at yet. */
export interface Packet extends PacketHeader {
  readonly body: Uint8Array;
}

/** One packet, ready for the wire. */
export function encodePacket(header: PacketHeader, body: Uint8Array): Buffer {
  const total = LENGTH_BYTES + HEADER_BYTES + body.length;
  if (total > PACKET_MAX_BYTES)
    throw new XdrError('TOO_LONG', `a packet of ${total} bytes, at most ${PACKET_MAX_BYTES} are allowed`);
  const packet = Buffer.allocUnsafe(total);
  const words = [total, header.program, VERSION, header.procedure, header.type, header.serial, header.status];
  for (const [index, word] of words.entries()) packet.writeUInt32BE(word, index * 4);
  packet.set(body, LENGTH_BYTES + HEADER_BYTES);
  return packet;
}

/** Writes a body through `fill`. */
export function encodeBody(fill: (to: XdrWriter) => void): Buffer {
  const writer = new XdrWriter();
  fill(writer);
  return writer.bytes();
}

/** Reads a whole body through `take`; bytes left over are an error. */
export function decodeBody<T>(body: Uint8Array, take: (from: XdrReader) => T): T {
  const reader = new XdrReader(body);
  const value = take(reader);
  reader.end();
  return value;
}

/**
 * Cuts a byte stream into packets. Holds no more than has arrived: an announced length allocates nothing.
 * Throws XdrError on a length or a header that no libvirt server sends; the connection is then beyond repair.
 */
export class PacketReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #held = 0;

  constructor(maxBytes = PACKET_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Takes in what arrived and gives the packets it completed. */
  *push(chunk: Uint8Array): Generator<Packet> {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#held += chunk.byteLength;
    for (let packet = this.#next(); packet !== undefined; packet = this.#next()) yield packet;
  }

  /** Bytes of a packet that has begun and not ended. */
  get pending(): number {
    return this.#held;
  }

  #next(): Packet | undefined {
    if (this.#held < LENGTH_BYTES) return undefined;
    const total = this.#peekLength();
    if (total < LENGTH_BYTES + HEADER_BYTES || total > this.#maxBytes)
      throw new XdrError('BAD_VALUE', `a packet length of ${total}; allowed are 28 to ${this.#maxBytes}`);
    return this.#held < total ? undefined : parse(this.#cut(total));
  }

  #peekLength(): number {
    if ((this.#chunks[0]?.length ?? 0) < LENGTH_BYTES) this.#join();
    return this.#chunks[0]?.readUInt32BE(0) ?? 0;
  }

  #join(): Buffer {
    const whole =
      this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  #cut(total: number): Buffer {
    const whole = this.#join();
    const rest = whole.subarray(total);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
    return whole.subarray(0, total);
  }
}

function parse(bytes: Buffer): Packet {
  const reader = new XdrReader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + HEADER_BYTES));
  const program = reader.uint();
  const version = reader.uint();
  if (version !== VERSION)
    throw new XdrError('BAD_VALUE', `protocol version ${version}, expected ${VERSION}`);
  const [procedure, type, serial, status] = [reader.int(), reader.uint(), reader.uint(), reader.uint()];
  if (type > PACKET_TYPE.streamHole) throw new XdrError('BAD_VALUE', `packet type ${type}`);
  if (status > STATUS.continue) throw new XdrError('BAD_VALUE', `packet status ${status}`);
  return { program, procedure, type, serial, status, body: bytes.subarray(LENGTH_BYTES + HEADER_BYTES) };
}
