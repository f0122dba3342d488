/**
 * What a libvirtd answers at most: packets made beforehand go out as fast as it takes them, answers are only counted.
 * Written without the client it is a measure for, from libvirt's remote_protocol.x.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const REMOTE_PROGRAM = 0x20008086;
/** Length word and header. */
const HEAD_BYTES = 28;
const LENGTH_AT = 0;
const STATUS_AT = 24;
const PROCEDURE = { open: 1, xml: 14, info: 16, authList: 66, version: 157 } as const;

export interface Ceiling {
  /** Answers per second to `count` calls, `inFlight` of them unanswered at a time. */
  perSecond(kind: 'version' | 'info' | 'xml', count: number, inFlight: number): Promise<number>;
  close(): void;
}

/** Opens qemu:///system through the daemon's socket. @throws Error when the server refuses */
export async function openCeiling(
  socketPath: string,
  dom: { readonly name: string; readonly uuid: string; readonly id: number },
): Promise<Ceiling> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  const domain = Buffer.concat([
    text(dom.name),
    Buffer.from(dom.uuid.replaceAll('-', ''), 'hex'),
    word(dom.id),
  ]);
  const calls = {
    version: packet(PROCEDURE.version),
    info: packet(PROCEDURE.info, domain),
    xml: packet(PROCEDURE.xml, domain, word(0)),
  };
  await exchange(socket, packet(PROCEDURE.authList), 1, 1);
  await exchange(socket, packet(PROCEDURE.open, word(1), text('qemu:///system'), word(0)), 1, 1);
  return {
    async perSecond(kind, count, inFlight) {
      const began = performance.now();
      await exchange(socket, calls[kind], count, inFlight);
      return (count / (performance.now() - began)) * 1_000;
    },
    close: () => socket.destroy(),
  };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** An XDR string: length, bytes, zeros up to a multiple of four. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([word(bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

function packet(procedure: number, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, HEAD_BYTES);
  const [version, call, serial, ok] = [1, 0, 1, 0];
  const head = [length, REMOTE_PROGRAM, version, procedure, call, serial, ok];
  return Buffer.concat([...head.map(word), ...body]);
}

/** The server does not compare serials, so all calls have the same one. */
function exchange(socket: Socket, call: Buffer, count: number, inFlight: number): Promise<void> {
  const window = Math.min(count, inFlight);
  const calls = Buffer.concat(Array.from({ length: window }, () => call));
  const answersIn = answerCounter();
  let toSend = count - window;
  let toCome = count;
  return new Promise((resolve, reject) => {
    const end = (done: () => void): void => {
      socket.off('data', onData).off('close', onClose);
      done();
    };
    const onClose = (): void => end(() => reject(new Error('the server closed the connection')));
    const onData = (chunk: Buffer): void => {
      try {
        const answered = answersIn(chunk);
        const next = Math.min(answered, toSend);
        toSend -= next;
        toCome -= answered;
        if (next > 0) socket.write(calls.subarray(0, next * call.length));
        if (toCome === 0) end(resolve);
      } catch (error) {
        end(() => reject(error as Error));
      }
    };
    socket.on('data', onData).on('close', onClose);
    socket.write(calls);
  });
}

/** Tells how many answers end in a chunk; each is looked at only for its length and whether it is an error. */
function answerCounter(): (chunk: Buffer) => number {
  const head = Buffer.alloc(HEAD_BYTES);
  let held = 0;
  let bodyLeft = 0;
  return (chunk) => {
    let answers = 0;
    for (let at = 0; at < chunk.length; ) {
      if (held < HEAD_BYTES) {
        const copied = chunk.copy(head, held, at, at + HEAD_BYTES - held);
        held += copied;
        at += copied;
        if (held < HEAD_BYTES) break;
        if (head.readUInt32BE(STATUS_AT) !== 0) throw new Error('the server answered with an error');
        bodyLeft = head.readUInt32BE(LENGTH_AT) - HEAD_BYTES;
      }
      const skipped = Math.min(bodyLeft, chunk.length - at);
      bodyLeft -= skipped;
      at += skipped;
      if (bodyLeft > 0) break;
      held = 0;
      answers += 1;
    }
    return answers;
  };
}
