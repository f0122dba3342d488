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
  const packet = Buffer.allocUnsafe(LENGTH_BYTES + HEADER_BYTES + body.length);
  packet.set(body, LENGTH_BYTES + HEADER_BYTES);
  return withHeader(packet, header);
}

/** The same with a body that `fill` writes, without a copy of it. */
export function encodeFilled(header: PacketHeader, fill: (to: XdrWriter) => void): Buffer {
  const writer = new XdrWriter(LENGTH_BYTES + HEADER_BYTES);
  fill(writer);
  return withHeader(writer.bytes(), header);
}

/** Writes the header to the beginning of a packet that has room for it. */
function withHeader(packet: Buffer, header: PacketHeader): Buffer {
  if (packet.length > PACKET_MAX_BYTES)
    throw new XdrError(
      'TOO_LONG',
      `a packet of ${packet.length} bytes, at most ${PACKET_MAX_BYTES} are allowed`,
    );
  packet.writeUInt32BE(packet.length, 0);
  packet.writeUInt32BE(header.program, 4);
  packet.writeUInt32BE(VERSION, 8);
  packet.writeUInt32BE(header.procedure, 12);
  packet.writeUInt32BE(header.type, 16);
  packet.writeUInt32BE(header.serial, 20);
  packet.writeUInt32BE(header.status, 24);
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
  readonly #inParts: boolean;
  #chunks: Buffer[] = [];
  #held = 0;
  /** The stream packet whose data is passing through, and how many bytes of it are still to come. */
  #passing: { readonly header: PacketHeader; left: number } | undefined;

  /** `inParts`: data of a stream is given as it comes, a packet of it as several with the same header. */
  constructor(maxBytes = PACKET_MAX_BYTES, inParts = false) {
    this.#maxBytes = maxBytes;
    this.#inParts = inParts;
  }

  /** Takes in what arrived and gives the packets it completed. */
  *push(chunk: Uint8Array): Generator<Packet> {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.#passing === undefined) {
        this.#chunks.push(rest);
        this.#held += rest.length;
        rest = EMPTY;
        for (let packet = this.#next(); packet !== undefined; packet = this.#next()) yield packet;
        if (this.#passing !== undefined) rest = this.#takeAll();
      }
      const part = this.#pass(rest);
      if (part === undefined) return;
      yield part;
      rest = rest.subarray(part.body.length);
    }
  }

  /** Bytes of a packet that has begun and not ended. */
  get pending(): number {
    return this.#held + (this.#passing?.left ?? 0);
  }

  /** As much of the passing data as has come. */
  #pass(bytes: Buffer): Packet | undefined {
    const passing = this.#passing;
    if (passing === undefined || bytes.length === 0) return undefined;
    const body = bytes.subarray(0, passing.left);
    passing.left -= body.length;
    if (passing.left === 0) this.#passing = undefined;
    return { ...passing.header, body };
  }

  #takeAll(): Buffer {
    const all = this.#join();
    this.#chunks = [];
    this.#held = 0;
    return all;
  }

  #next(): Packet | undefined {
    if (this.#held < LENGTH_BYTES) return undefined;
    const total = this.#peekLength();
    if (total < LENGTH_BYTES + HEADER_BYTES || total > this.#maxBytes)
      throw new XdrError('BAD_VALUE', `a packet length of ${total}; allowed are 28 to ${this.#maxBytes}`);
    if (this.#held >= total) return parse(this.#cut(total));
    if (this.#inParts && this.#held >= LENGTH_BYTES + HEADER_BYTES) this.#maybePass(total);
    return undefined;
  }

  /** A stream's data need not be whole to be of use. */
  #maybePass(total: number): void {
    const { body: _, ...header } = parse(this.#join().subarray(0, LENGTH_BYTES + HEADER_BYTES));
    if (header.type !== PACKET_TYPE.stream || header.status !== STATUS.continue) return;
    this.#cut(LENGTH_BYTES + HEADER_BYTES);
    this.#passing = { header, left: total - LENGTH_BYTES - HEADER_BYTES };
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

const EMPTY = Buffer.alloc(0);

function parse(bytes: Buffer): Packet {
  const version = bytes.readUInt32BE(8);
  if (version !== VERSION)
    throw new XdrError('BAD_VALUE', `protocol version ${version}, expected ${VERSION}`);
  const type = bytes.readUInt32BE(16);
  const status = bytes.readUInt32BE(24);
  if (type > PACKET_TYPE.streamHole) throw new XdrError('BAD_VALUE', `packet type ${type}`);
  if (status > STATUS.continue) throw new XdrError('BAD_VALUE', `packet status ${status}`);
  return {
    program: bytes.readUInt32BE(4),
    procedure: bytes.readInt32BE(12),
    type,
    serial: bytes.readUInt32BE(20),
    status,
    body: bytes.subarray(LENGTH_BYTES + HEADER_BYTES),
  };
}
