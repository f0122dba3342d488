import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePacket, PACKET_MAX_BYTES, type Packet } from './frame.ts';
import { PacketReader } from './packet-reader.ts';
import { XdrError } from './xdr.ts';

const header = fc.record({
  program: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  procedure: fc.integer({ min: 0, max: 1000 }),
  type: fc.integer({ min: 0, max: 6 }),
  serial: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  status: fc.integer({ min: 0, max: 2 }),
});
const packets = fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 300 })), { maxLength: 8 });

function* pieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** The packets that `bytes` complete; then the bytes are overwritten, as a receive buffer is. */
function packetsOf(reader: PacketReader, bytes: Uint8Array): Packet[] {
  const got: Packet[] = [];
  const received = Buffer.from(bytes);
  reader.push(received, (packet) => got.push({ ...packet, body: Buffer.from(packet.body) }));
  received.fill(0xee);
  return got;
}

describe('PacketReader', () => {
  test('gives back what was sent however it was cut on the way', () => {
    fc.assert(
      fc.property(
        packets,
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 }),
        (sent, sizes) => {
          const bytes = Buffer.concat(sent.map(([head, body]) => encodePacket(head, body)));
          const reader = new PacketReader();
          const got: Packet[] = [];
          for (const piece of pieces(bytes, sizes)) got.push(...packetsOf(reader, piece));
          expect(got.map(({ body, ...head }) => [head, new Uint8Array(body)])).toEqual(sent);
          expect(reader.pending).toBe(0);
        },
      ),
    );
  });

  test('random bytes give packets or an XdrError and never hold more than they are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (chunks) => {
        const reader = new PacketReader();
        let fed = 0;
        try {
          for (const chunk of chunks) {
            fed += chunk.length;
            for (const packet of packetsOf(reader, chunk))
              expect(packet.body.length).toBeLessThanOrEqual(fed);
            expect(reader.pending).toBeLessThanOrEqual(fed);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([0, 4, 27, PACKET_MAX_BYTES + 1, 0xffff_ffff])('refuses an announced length of %d', (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    expect(() => packetsOf(new PacketReader(), bytes)).toThrow(/packet length/);
  });

  test('refuses another version of the protocol', () => {
    const packet = encodePacket({ program: 1, procedure: 1, type: 1, serial: 1, status: 0 }, Buffer.alloc(0));
    packet.writeUInt32BE(2, 8);
    expect(() => packetsOf(new PacketReader(), packet)).toThrow(/protocol version 2/);
  });

  test('refuses to send what the peer would not take', () => {
    const body = Buffer.alloc(PACKET_MAX_BYTES);
    expect(() => encodePacket({ program: 1, procedure: 1, type: 1, serial: 1, status: 0 }, body)).toThrow(
      XdrError,
    );
  });
});
