import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, type LibvirtClient } from './client.ts';
import { LibvirtError, TransportError } from './errors.ts';
import { encodeBody, encodePacket, PACKET_TYPE, type Packet, PROGRAM, STATUS } from './frame.ts';
import type { ConnectOptions } from './options.ts';
import { PacketReader } from './packet-reader.ts';
import { domainEventKinds } from './procedures/domain-events.ts';
import { targetOf } from './procedures/table.ts';
import { XdrError } from './xdr.ts';

/** Whatever a server does, a call must end well before this. */
const SOON_MS = 30_000;
const EMPTY = Buffer.alloc(0);

let dir: string;
let server: Server;
let sockets: Set<Socket>;
/** What the server does with calls after the session is open. */
let misbehave: (socket: Socket, packet: Packet) => void;
let pongs: number;

const reply = (packet: Packet, body: Uint8Array = EMPTY, change: Partial<Packet> = {}): Buffer =>
  encodePacket({ ...packet, type: PACKET_TYPE.reply, status: STATUS.ok, ...change }, body);

/** Opens sessions as libvirtd does and then misbehaves as told. */
function serve(socket: Socket, packet: Packet): void {
  const isCall = (name: Parameters<typeof targetOf>[0]): boolean =>
    packet.program === PROGRAM.remote && packet.procedure === targetOf(name).procedure.number;
  if (packet.program === PROGRAM.keepAlive) pongs += packet.procedure === 2 ? 1 : 0;
  else if (isCall('authList')) socket.write(reply(packet, Buffer.from('0000000100000000', 'hex')));
  else if (isCall('connectSupportsFeature')) socket.write(reply(packet, Buffer.from('00000001', 'hex')));
  else if (isCall('connectOpen')) socket.write(reply(packet));
  else misbehave(socket, packet);
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'broken-'));
  sockets = new Set();
  pongs = 0;
  misbehave = () => {};
  server = createServer((socket) => {
    sockets.add(socket);
    const reader = new PacketReader();
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      reader.push(chunk, (packet) => serve(socket, packet));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

const open = (options: Partial<ConnectOptions> = {}): Promise<LibvirtClient> =>
  connect({ socket: join(dir, 's'), uri: 'test:///default', keepAlive: false, ...options });

/** The error a call ends with, or a failure of the test when it does not end. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Error('the call hangs')), SOON_MS).unref(),
  );
  return Promise.race([
    call.then(
      (value) => ({ value }),
      (error: unknown) => error,
    ),
    late,
  ]);
}

describe('a broken server', () => {
  const breakages: readonly [string, (socket: Socket, packet: Packet) => void, string][] = [
    ['closes instead of answering', (socket) => socket.destroy(), 'PEER_CLOSED'],
    [
      'ends in the middle of a packet',
      (socket, packet) => socket.end(reply(packet, Buffer.alloc(8)).subarray(0, 20)),
      'PEER_CLOSED',
    ],
    ['sends garbage', (socket) => socket.write(Buffer.alloc(64, 0xa5)), 'PROTOCOL'],
    ['announces a packet of 4 GiB', (socket) => socket.write(Buffer.alloc(64, 0xff)), 'PROTOCOL'],
    ['announces a packet of no length', (socket) => socket.write(Buffer.alloc(64)), 'PROTOCOL'],
    [
      'answers another serial',
      (socket, packet) => socket.write(reply(packet, EMPTY, { serial: packet.serial + 1 })),
      'PROTOCOL',
    ],
    [
      'answers another program',
      (socket, packet) => socket.write(reply(packet, EMPTY, { program: 1 })),
      'PROTOCOL',
    ],
    [
      'answers another procedure',
      (socket, packet) => socket.write(reply(packet, EMPTY, { procedure: 9 })),
      'PROTOCOL',
    ],
    [
      'answers with a call',
      (socket, packet) => socket.write(reply(packet, EMPTY, { type: PACKET_TYPE.call })),
      'PROTOCOL',
    ],
    [
      'answers twice',
      (socket, packet) => socket.write(Buffer.concat([reply(packet, EMPTY, { serial: 77 }), reply(packet)])),
      'PROTOCOL',
    ],
    [
      'sends a stream nobody opened',
      (socket, packet) => socket.write(reply(packet, EMPTY, { type: PACKET_TYPE.stream })),
      'PROTOCOL',
    ],
    ['answers too little', (socket, packet) => socket.write(reply(packet)), 'PROTOCOL'],
    ['answers too much', (socket, packet) => socket.write(reply(packet, Buffer.alloc(400))), 'PROTOCOL'],
    [
      'sends an error that is none',
      (socket, packet) => socket.write(reply(packet, EMPTY, { status: STATUS.error })),
      'PROTOCOL',
    ],
    [
      'passes file descriptors',
      (socket, packet) => socket.write(reply(packet, Buffer.alloc(4), { type: PACKET_TYPE.replyWithFds })),
      'UNSUPPORTED',
    ],
    [
      'sends an event that cannot be read',
      (socket, packet) =>
        socket.write(
          reply(packet, EMPTY, {
            type: PACKET_TYPE.message,
            procedure: domainEventKinds.lifecycle.procedure,
          }),
        ),
      'PROTOCOL',
    ],
  ];

  test.each(breakages)('that %s', async (_, breakage, code) => {
    misbehave = breakage;
    const lv = await open();
    const error = await errorOf(lv.connectGetType());
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code, call: 'connectGetType', outcome: 'unknown' });
    await lv.close();
  });

  test('every call in flight gets an error of its own', async () => {
    const lv = await open();
    misbehave = (socket) => setImmediate(() => socket.destroy());
    const errors = await Promise.all([errorOf(lv.connectGetType()), errorOf(lv.connectGetHostname())]);
    expect(errors.map((error) => (error as TransportError).call)).toEqual([
      'connectGetType',
      'connectGetHostname',
    ]);
    expect(await lv.closed).toMatchObject({ code: 'PEER_CLOSED' });
    expect(await errorOf(lv.connectGetType())).toMatchObject({ code: 'PEER_CLOSED', outcome: 'not-sent' });
  });

  test('random bytes in place of an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        misbehave = (socket) => void socket.end(bytes);
        const lv = await open();
        expect(await errorOf(lv.connectGetType())).toBeInstanceOf(TransportError);
        await lv.close();
      }),
      { numRuns: 200 },
    );
  });

  test('random bytes in place of a body', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1), async (bytes, status) => {
        misbehave = (socket, packet) => void socket.write(reply(packet, bytes, { status }));
        const lv = await open();
        const answer = await errorOf(lv.domainGetJobStats({ dom: { name: 'x', uuid: NIL, id: -1 } }));
        const fine = answer instanceof TransportError || answer instanceof LibvirtError;
        expect(fine || (status === 0 && typeof answer === 'object')).toBe(true);
        misbehave = (socket) => void socket.destroy();
        await lv.close();
      }),
      { numRuns: 200 },
    );
  });
});

const NIL = '00000000-0000-0000-0000-000000000000';

describe('a silent server', () => {
  test('a deadline ends the call and a late answer is dropped', async () => {
    let late: (() => void) | undefined;
    misbehave = (socket, packet) => {
      late ??= () =>
        void socket.write(
          reply(
            packet,
            encodeBody((to) => to.string('QEMU', 10)),
          ),
        );
    };
    const lv = await open();
    const error = await errorOf(lv.connectGetType({}, { timeoutMs: 20 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', message: /within 20 ms/ });
    late?.();
    misbehave = (socket, packet) =>
      void socket.write(
        reply(
          packet,
          encodeBody((to) => to.string('fine', 10)),
        ),
      );
    expect(await lv.connectGetHostname()).toBe('fine');
  });

  test('a signal ends the call, before and after it was sent', async () => {
    const lv = await open();
    const control = new AbortController();
    const received = new Promise<void>((resolve) => {
      misbehave = () => resolve();
    });
    const call = errorOf(lv.connectGetType({}, { signal: control.signal }));
    await received;
    control.abort(new Error('enough'));
    expect(await call).toMatchObject({ code: 'ABORTED', outcome: 'unknown' });
    const again = await errorOf(lv.connectGetType({}, { signal: control.signal }));
    expect(again).toMatchObject({ code: 'ABORTED', outcome: 'not-sent' });
  });

  test('keep-alive finds it dead', async () => {
    const lv = await open({ keepAlive: { intervalMs: 20, count: 2 } });
    const error = await errorOf(lv.connectGetType());
    expect(error).toMatchObject({ code: 'KEEP_ALIVE', call: 'connectGetType' });
    expect(await lv.closed).toMatchObject({ code: 'KEEP_ALIVE' });
  });

  test('its pings are answered', async () => {
    const lv = await open();
    const ping = {
      program: PROGRAM.keepAlive,
      procedure: 1,
      type: PACKET_TYPE.message,
      serial: 0,
      status: 0,
    };
    for (const socket of sockets) socket.write(encodePacket(ping, EMPTY));
    await expect.poll(() => pongs).toBe(1);
    misbehave = (socket) => void socket.destroy();
    await lv.close();
  });

  test('connecting ends when its signal fires', async () => {
    server.removeAllListeners('connection');
    server.on('connection', (socket) => sockets.add(socket));
    const connecting = errorOf(open({ signal: AbortSignal.timeout(30) }));
    expect(await connecting).toMatchObject({ code: 'ABORTED' });
  });

  test('closing does not wait for it', async () => {
    const lv = await open();
    const call = errorOf(lv.connectGetType());
    await lv.close();
    expect(await call).toMatchObject({ code: 'CLOSED' });
    expect(await lv.closed).toBeUndefined();
  });
});

describe('limits', () => {
  test('too many calls in flight are refused', async () => {
    const lv = await open({ limits: { calls: 2 } });
    const waiting = [errorOf(lv.connectGetType()), errorOf(lv.connectGetType())];
    expect(await errorOf(lv.connectGetType())).toMatchObject({ code: 'OVERLOAD', outcome: 'not-sent' });
    await lv.close();
    await Promise.all(waiting);
  });

  test('a packet above the limit ends the connection', async () => {
    misbehave = (socket, packet) => void socket.write(reply(packet, Buffer.alloc(5_000)));
    const lv = await open({ limits: { packetBytes: 4_096 } });
    expect(await errorOf(lv.connectGetType())).toMatchObject({
      code: 'PROTOCOL',
      message: /packet length of 5028/,
    });
  });

  test('an argument that cannot be sent is refused and the connection lives on', async () => {
    misbehave = (socket, packet) =>
      void socket.write(
        reply(
          packet,
          encodeBody((to) => to.string('fine', 10)),
        ),
      );
    const lv = await open();
    const error = await errorOf(lv.domainLookupByUuid({ uuid: 'nonsense' }));
    expect(error).toBeInstanceOf(XdrError);
    expect(error).toMatchObject({ path: 'domainLookupByUuid.uuid' });
    expect(await lv.connectGetHostname()).toBe('fine');
  });
});

test('no daemon, no connection: the error says why for each path', async () => {
  const nowhere = connect({ socket: join(dir, 'nobody'), uri: 'qemu:///system' });
  await expect(nowhere).rejects.toMatchObject({
    code: 'CONNECT',
    message: expect.stringMatching(/no such socket/),
  });
});
