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
/** Of the word in front that tells a packet's length. */
export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 24;

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

/** A packet of bytes that are all of it; its body is a part of them, not a copy. @throws XdrError */
export function parsePacket(bytes: Buffer): Packet {
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
