/** A server that says anything at all: a minute of it, six with GANTRY_TEST_LONG. */
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type LibvirtClient } from './client.ts';
import { LibvirtError, TransportError } from './errors.ts';
import { encodePacket, PACKET_TYPE, type Packet, PROGRAM, STATUS } from './frame.ts';
import { PacketReader } from './packet-reader.ts';
import { allTargets, targetOf } from './procedures/table.ts';
import { XdrError } from './xdr.ts';

const LONG = process.env['GANTRY_TEST_LONG'] !== undefined;
/** Of each of the two tests. */
const RUN_MS = LONG ? 180_000 : 30_000;
/** The long variant: other bytes in each run, or all its minutes would look at the same ones; what fails prints its seed. */
const RUN = {
  numRuns: 1_000_000,
  interruptAfterTimeLimit: RUN_MS,
  markInterruptAsFailure: false,
  seed: LONG ? randomInt(2 ** 31) : 1,
} as const;
/** Whatever a server does, a call has ended long before this. */
const SOON_MS = 30_000;

let dir: string;
let server: Server;
let answer: (packet: Packet) => Buffer[];
const sockets = new Set<Socket>();
const SESSION = new Map<number, Buffer>([
  [targetOf('authList').procedure.number, Buffer.from('0000000100000000', 'hex')],
  [targetOf('connectOpen').procedure.number, Buffer.alloc(0)],
]);

function serve(socket: Socket, packet: Packet): void {
  const opening = SESSION.get(packet.procedure);
  if (opening !== undefined)
    socket.write(encodePacket({ ...packet, type: PACKET_TYPE.reply, status: 0 }, opening));
  else {
    for (const bytes of answer(packet)) socket.write(bytes);
    // What is unfinished must end too.
    socket.end();
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fuzz-'));
  server = createServer((socket) => {
    sockets.add(socket);
    const reader = new PacketReader();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      reader.push(chunk, (packet) => serve(socket, packet));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

const open = (): Promise<LibvirtClient> =>
  connect('test:///default', { socket: join(dir, 's'), keepAlive: false });

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 2, 4, 28, 0x7fff_ffff, 0xffff_ffff),
);
/** Bodies that look like something: words, lengths that lie, strings, and noise. */
const body = fc
  .array(
    fc.oneof(
      word.map((value) => wordBytes(value)),
      fc.uint8Array({ maxLength: 40 }),
      fc.constant(Buffer.alloc(16)),
    ),
    {
      maxLength: 30,
    },
  )
  .map((parts) => Buffer.concat(parts));
const wordBytes = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const packetKind = fc.record({
  program: fc.constantFrom(PROGRAM.remote, PROGRAM.qemu, PROGRAM.keepAlive, 1),
  type: fc.integer({ min: 0, max: 7 }),
  status: fc.integer({ min: 0, max: 3 }),
  serial: fc.constantFrom('same', 'zero', 'other'),
  procedure: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 450 })),
  body,
  cut: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(60) }),
  length: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: word }),
});
type Kind = typeof packetKind extends fc.Arbitrary<infer T> ? T : never;

function forge(kind: Kind, call: Packet): Buffer {
  const serial = { same: call.serial, zero: 0, other: call.serial + 1 }[kind.serial];
  const { program, type, status, procedure = call.procedure } = kind;
  const whole = encodePacket({ program, type, status, serial, procedure }, kind.body);
  if (kind.length !== undefined) whole.writeUInt32BE(kind.length, 0);
  return whole.subarray(0, kind.cut);
}

const calls = allTargets().filter(
  ({ name, program, procedure }) =>
    program === PROGRAM.remote &&
    procedure.args.minBytes === 0 &&
    procedure.count === undefined &&
    /^(connect|node)/.test(name) &&
    !/Close|Register/.test(name),
);

/** The call's end, whichever; fails the test when there is none. */
function ended(call: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the call hangs')), SOON_MS);
  });
  const end = call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return Promise.race([end, late]).finally(() => clearTimeout(timer));
}

const isExpected = (error: unknown): boolean =>
  error === undefined ||
  error instanceof LibvirtError ||
  error instanceof TransportError ||
  error instanceof XdrError;

test('packets made at random end each call with an answer or an error of ours', {
  timeout: RUN_MS * 3,
}, async () => {
  const script = fc.tuple(fc.array(packetKind, { minLength: 1, maxLength: 5 }), fc.constantFrom(...calls));
  await fc.assert(
    fc.asyncProperty(script, async ([kinds, target]) => {
      answer = (packet) => kinds.map((kind) => forge(kind, packet));
      const lv = await open();
      const error = await ended(lv.call(target.name as 'connectGetType'));
      expect(isExpected(error), String(error)).toBe(true);
      expect(isExpected(await ended(lv.closed))).toBe(true);
    }),
    RUN,
  );
});

test('a stream that says anything at all ends', { timeout: RUN_MS * 3 }, async () => {
  const vol = { pool: 'p', name: 'v', key: '/v' };
  const streamed = fc.array(
    packetKind.map((kind) => ({
      ...kind,
      type: kind.type % 2 === 0 ? PACKET_TYPE.stream : PACKET_TYPE.streamHole,
    })),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(streamed, fc.boolean(), async (kinds, sparse) => {
      answer = (packet) => [
        encodePacket({ ...packet, type: PACKET_TYPE.reply, status: STATUS.ok }, Buffer.alloc(0)),
        ...kinds.map((kind) =>
          forge({ ...kind, serial: 'same', program: PROGRAM.remote, procedure: undefined }, packet),
        ),
      ];
      const lv = await open();
      const args = { vol, offset: 0, length: 0 };
      const stream = await (sparse ? lv.storageVolDownloadSparse(args) : lv.storageVolDownload(args));
      const reading = (async () => {
        for await (const chunk of stream.readable) expect(chunk).toBeTypeOf('object');
      })();
      expect(isExpected(await ended(reading))).toBe(true);
      expect(isExpected(await ended(stream.closed))).toBe(true);
      await lv.close();
    }),
    RUN,
  );
});

test('the same bytes are the same packets, however they are cut', () => {
  const packets = fc.array(
    packetKind.map((kind) => ({
      ...kind,
      cut: undefined,
      length: undefined,
      type: kind.type % 7,
      status: kind.status % 3,
    })),
    {
      minLength: 1,
      maxLength: 8,
    },
  );
  const origin: Packet = { program: 1, procedure: 7, type: 0, serial: 9, status: 0, body: Buffer.alloc(0) };
  fc.assert(
    fc.property(
      packets,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      fc.boolean(),
      (kinds, cuts, inParts) => {
        const bytes = Buffer.concat(kinds.map((kind) => forge(kind, origin)));
        const reader = new PacketReader(undefined, inParts);
        const got: Packet[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1;
          reader.push(bytes.subarray(at, at + size), (packet) => got.push(copied(packet)));
          at += size;
        }
        expect(reader.pending).toBe(0);
        const atOnce: Packet[] = [];
        new PacketReader().push(bytes, (packet) => atOnce.push(copied(packet)));
        expect(joined(got)).toEqual(joined(atOnce));
      },
    ),
  );
});

const copied = (packet: Packet): Packet => ({ ...packet, body: Buffer.from(packet.body) });

/** Parts of stream data with one header, and neighbours alike, as one. */
function joined(packets: readonly Packet[]): { header: string; body: string }[] {
  const all: { header: string; body: string }[] = [];
  for (const { body: bytes, ...header } of packets) {
    const last = all.at(-1);
    const text = JSON.stringify(header);
    const hex = Buffer.from(bytes).toString('hex');
    if (last?.header === text && header.type === PACKET_TYPE.stream && header.status === STATUS.continue)
      last.body += hex;
    else all.push({ header: text, body: hex });
  }
  return all;
}
