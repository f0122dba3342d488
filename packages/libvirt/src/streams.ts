import { type ReadableStream, WritableStream } from 'node:stream/web';
import { decodeError } from './call-codec.ts';
import type { Connection, StreamSink } from './connection.ts';
import { TransportError } from './errors.ts';
import { decodeBody, encodeBody, PACKET_TYPE, type Packet, STATUS, STREAM_CHUNK_BYTES } from './frame.ts';
import { safeHyper, struct, uint } from './layouts.ts';
import type { Target } from './procedures/table.ts';
import { byteSide, chunkSide, type ReadSide } from './read-side.ts';
import type { StreamChunk } from './stream-chunk.ts';

const NO_BODY = new Uint8Array(0);

/** Body of a hole's packet (`virNetStreamHole`). */
export const holeBody = struct({ length: safeHyper, flags: uint });

/** What every stream has. */
interface StreamEnd<R> {
  /** The call's own result, a screenshot's MIME type for instance. */
  readonly result: R;
  /** Resolves when both sides agree that the stream is finished; rejects with what broke it. */
  readonly closed: Promise<void>;
  /** Breaks the stream off. */
  abort(reason?: unknown): void;
}

/** From the server: bytes until it is done. Reading slowly makes the server wait. */
export interface LibvirtReadStream<R, C = Uint8Array> extends StreamEnd<R> {
  readonly readable: ReadableStream<C>;
}

/** To the server: `writable.close()` resolves once the server has taken everything. */
export interface LibvirtWriteStream<R, C = Uint8Array> extends StreamEnd<R> {
  readonly writable: WritableStream<C>;
}

/** Both ways, as a console. Closing `writable` or cancelling `readable` ends it. */
export interface LibvirtDuplexStream<R> extends LibvirtReadStream<R>, LibvirtWriteStream<R> {}

/**
 * One stream of a connection. The protocol has no flow control of its own: to make the server wait, the whole
 * connection stops reading. That is why the client gives each stream a connection of its own.
 */
export class RpcStream implements StreamSink {
  readonly writable: WritableStream<StreamChunk>;
  readonly closed: Promise<void>;
  readonly #connection: Connection;
  readonly #target: Target;
  readonly #serial: number;
  readonly #sparse: boolean;
  readonly #reading: ReadSide;
  readonly #settle: { resolve(): void; reject(error: unknown): void };
  #writing: { error(reason: unknown): void } | undefined;
  #finishing = false;
  #over = false;

  /** `sparse`: whether holes were asked for. */
  constructor(connection: Connection, target: Target, serial: number, sparse = false) {
    this.#sparse = sparse;
    this.#connection = connection;
    this.#target = target;
    this.#serial = serial;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#settle = { resolve, reject };
    // Whoever does not ask for `closed` sees the error on the streams instead.
    this.closed.catch(() => {});
    const source = {
      pull: () => connection.hold(this, false),
      cancel: (reason: unknown) => this.abort(reason),
    };
    this.#reading = sparse ? chunkSide(source) : byteSide(source);
    this.writable = this.#makeWritable();
  }

  get readable(): ReadableStream<StreamChunk> {
    return this.#reading.stream;
  }

  #makeWritable(): WritableStream<StreamChunk> {
    return new WritableStream<StreamChunk>({
      start: (controller) => {
        this.#writing = controller;
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#finish(),
      abort: (reason) => this.abort(reason),
    });
  }

  async #write(chunk: StreamChunk): Promise<void> {
    if (chunk instanceof Uint8Array) {
      for (let at = 0; at < chunk.length && !this.#over; at += STREAM_CHUNK_BYTES)
        await this.#send(STATUS.continue, chunk.subarray(at, at + STREAM_CHUNK_BYTES));
    } else if (!this.#over) await this.#sendHole(chunk?.hole);
  }

  #send(status: number, body: Uint8Array): Promise<void> {
    return this.#connection.sendStream(this.#target, this.#serial, PACKET_TYPE.stream, status, body);
  }

  #sendHole(length: number): Promise<void> {
    if (!this.#sparse || !Number.isSafeInteger(length) || length < 0)
      throw new TypeError(
        this.#sparse ? 'a chunk must be bytes or { hole: bytes }' : 'a chunk must be bytes (Uint8Array)',
      );
    const body = encodeBody((to) => holeBody.write(to, { length, flags: 0 }));
    return this.#connection.sendStream(
      this.#target,
      this.#serial,
      PACKET_TYPE.streamHole,
      STATUS.continue,
      body,
    );
  }

  /** Says that nothing more comes from here and waits until the server agrees. */
  async #finish(): Promise<void> {
    if (!this.#finishing && !this.#over) {
      this.#finishing = true;
      this.#connection.hold(this, false);
      await this.#send(STATUS.ok, NO_BODY);
    }
    await this.closed;
  }

  /** Breaks off: both sides fail at once, and the server is told. */
  abort(reason?: unknown): void {
    if (this.#over) return;
    const told = this.#finishing ? Promise.resolve() : this.#send(STATUS.error, NO_BODY);
    told.catch(() => {});
    const message = 'the stream was broken off here';
    this.fail(new TransportError('ABORTED', message, { call: this.#target.name, cause: reason }));
  }

  packet(packet: Packet): void {
    if (this.#over) return;
    if (packet.status === STATUS.error) this.fail(decodeError(this.#target.name, packet.body));
    else if (packet.type === PACKET_TYPE.streamHole) this.#hole(packet.body);
    else if (packet.status === STATUS.ok) this.#end();
    else if (packet.body.length === 0) this.#endOfData();
    else this.#data(packet.body);
  }

  /** Throws XdrError, which ends the connection, when the body is none of a hole. */
  #hole(body: Uint8Array): void {
    const { length } = decodeBody(body, (from) => holeBody.read(from));
    if (this.#sparse && length >= 0) this.#data({ hole: length });
    else {
      const why = this.#sparse ? `a hole of ${length} bytes` : 'a hole without being asked for sparse data';
      this.fail(new TransportError('PROTOCOL', `the server sent ${why}`, { call: this.#target.name }));
    }
  }

  #data(bytes: StreamChunk): void {
    if (this.#finishing) return;
    if (!this.#reading.push(bytes)) this.#connection.hold(this, true);
  }

  /** The server has no more; it keeps the stream until we agree. */
  #endOfData(): void {
    this.#finish().catch((error: unknown) => this.fail(error));
  }

  #end(): void {
    if (!this.#close()) return;
    this.#reading.end();
    this.#writing?.error(
      new TransportError('PEER_CLOSED', 'the stream has ended', { call: this.#target.name }),
    );
    this.#settle.resolve();
  }

  fail(error: unknown): void {
    if (!this.#close()) return;
    this.#settle.reject(error);
    this.#reading.fail(error);
    this.#writing?.error(error);
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#connection.hold(this, false);
    this.#connection.dropStream(this.#serial);
    return true;
  }
}
