import type { Duplex } from 'node:stream';
import { BUSY_POLL_MICROS, BusyPoll } from './busy-poll.ts';
import { encodeCall } from './call-codec.ts';
import { type CallOptions, PendingCalls } from './calls.ts';
import { TransportError, type TransportErrorCode } from './errors.ts';
import {
  encodePacket,
  PACKET_MAX_BYTES,
  PACKET_TYPE,
  type Packet,
  type PacketHeader,
  PROGRAM,
  STATUS,
} from './frame.ts';
import { type KeepAlive, KeepAliver } from './keep-alive.ts';
import { PacketReader } from './packet-reader.ts';
import type { Target } from './procedures/table.ts';

/** Bounds that keep a bad server, or a caller that never stops, from eating the memory. */
export interface Limits {
  /** Biggest packet taken, length word included. */
  readonly packetBytes: number;
  /** Most calls waiting for their answer. */
  readonly calls: number;
  /** Most bytes waiting to be sent before further calls are refused. */
  readonly sendBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  packetBytes: PACKET_MAX_BYTES,
  calls: 10_000,
  sendBytes: 64 * 2 ** 20,
};

/** Takes the packets of one stream; their bodies are valid only during the call. */
export interface StreamSink {
  packet(packet: Packet): void;
  fail(error: Error): void;
}

const NO_BODY = new Uint8Array(0);
const NO_OPTIONS: CallOptions = {};

/**
 * One connection to a libvirt server over any byte stream: packets, calls by serial, keep-alive, messages, streams.
 * Whatever the server does, every call ends: with its answer or with an error that says what happened.
 */
export class Connection {
  /** Settles when the connection is over: undefined when this side closed it, else why. */
  readonly closed: Promise<TransportError | undefined>;
  readonly #duplex: Duplex;
  readonly #limits: Limits;
  readonly #calls: PendingCalls;
  readonly #reader: PacketReader;
  readonly #keepAlive: KeepAliver;
  readonly #busyPoll: BusyPoll;
  readonly #streams = new Map<number, StreamSink>();
  readonly #paused = new Set<object>();
  readonly #whenOver = new Set<(error: TransportError | undefined) => void>();
  readonly #onMessage: (packet: Packet) => void;
  #over: { error: TransportError | undefined } | undefined;
  #lostCalls: readonly string[] = [];
  #gathering = false;

  /** `onMessage` gets the server's own messages (events); what it throws ends the connection. */
  constructor(
    duplex: Duplex,
    onMessage: (packet: Packet) => void,
    limits: Limits = DEFAULT_LIMITS,
    busyPollMicros: number = BUSY_POLL_MICROS,
  ) {
    this.#duplex = duplex;
    this.#limits = limits;
    this.#onMessage = onMessage;
    this.#calls = new PendingCalls(limits.calls);
    this.#reader = new PacketReader(limits.packetBytes, true);
    this.#busyPoll = new BusyPoll(busyPollMicros);
    this.#keepAlive = new KeepAliver(
      (header) => this.#write(header, NO_BODY),
      (silentMs) => this.#fail('KEEP_ALIVE', `the server has been silent for ${silentMs} ms`),
    );
    this.closed = new Promise((resolve) => this.#whenOver.add(resolve));
    this.#listen();
  }

  #listen(): void {
    this.#duplex.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#duplex.on('error', (error) =>
      this.#fail('PEER_CLOSED', `the connection broke: ${error.message}`, error),
    );
    this.#duplex.on('end', () => this.#fail('PEER_CLOSED', this.#endMessage()));
    this.#duplex.on('close', () => this.#fail('PEER_CLOSED', 'the connection was closed'));
  }

  #endMessage(): string {
    return this.#reader.pending > 0
      ? 'the server closed the connection in the middle of a packet'
      : 'the server closed the connection';
  }

  /** Sends a call and waits for its answer. `sink` learns the serial before an answer can arrive. */
  call(
    target: Target,
    args: unknown,
    options: CallOptions = NO_OPTIONS,
    sink?: (serial: number) => StreamSink,
  ): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#overError(target.name));
    const serial = this.#calls.nextSerial((taken) => this.#streams.has(taken));
    const answer = this.#calls.wait(serial, target, options, () => this.#send(target, serial, args, sink));
    if (sink !== undefined) answer.catch(() => this.#streams.delete(serial));
    return answer;
  }

  #send(target: Target, serial: number, args: unknown, sink?: (serial: number) => StreamSink): void {
    const call = target.name;
    if (this.#duplex.writableLength > this.#limits.sendBytes)
      throw new TransportError('OVERLOAD', `${this.#duplex.writableLength} bytes wait to be sent`, { call });
    const { program, procedure } = target;
    const header = {
      program,
      procedure: procedure.number,
      serial,
      type: PACKET_TYPE.call,
      status: STATUS.ok,
    };
    const packet = encodeCall(target, header, args);
    if (sink !== undefined) this.#streams.set(serial, sink(serial));
    // Who waits for one answer after the other has nothing to gather.
    if (this.#calls.size > 1) this.#gather();
    else this.#busyPoll.begin();
    this.#duplex.write(packet);
  }

  /** Calls of the same turn of the event loop go out together, but for one that has no other before it. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#duplex.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#duplex.uncork();
    });
  }

  #write(header: PacketHeader, body: Uint8Array): boolean {
    return this.#over === undefined && this.#duplex.write(encodePacket(header, body));
  }

  /** Sends a packet of a stream; resolves once the way is free for the next. */
  async sendStream(
    target: Target,
    serial: number,
    type: number,
    status: number,
    body: Uint8Array,
  ): Promise<void> {
    this.#assertOpen(target.name);
    const header = { ...headerOf(target, serial), type, status };
    if (!this.#write(header, body)) await this.#drained(target.name);
  }

  #drained(call: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#duplex.off('drain', done);
        this.#duplex.off('close', done);
        if (this.#over === undefined) resolve();
        else reject(this.#overError(call));
      };
      this.#duplex.once('drain', done);
      this.#duplex.once('close', done);
    });
  }

  /** Forgets a finished stream. */
  dropStream(serial: number): void {
    this.#streams.delete(serial);
  }

  /** Stops or resumes reading for `who`; reading goes on when nobody holds it. */
  hold(who: object, held: boolean): void {
    if (held) this.#paused.add(who);
    else this.#paused.delete(who);
    if (this.#paused.size > 0) this.#duplex.pause();
    else this.#duplex.resume();
  }

  /** Calls back when the connection is over, as `closed` says; can be taken back, as what waits for a promise cannot. */
  whenOver(act: (error: TransportError | undefined) => void): () => void {
    if (this.#over !== undefined) act(this.#over.error);
    else this.#whenOver.add(act);
    return () => void this.#whenOver.delete(act);
  }

  startKeepAlive(keepAlive: KeepAlive): void {
    if (this.#over === undefined) this.#keepAlive.start(keepAlive);
  }

  /** Closes from this side; open calls and streams end with `CLOSED`. */
  close(): void {
    this.#finish(undefined, 'CLOSED', 'the connection was closed here');
  }

  /** The calls that were waiting for their answer when the connection ended. */
  get lostCalls(): readonly string[] {
    return this.#lostCalls;
  }

  get isOpen(): boolean {
    return this.#over === undefined;
  }

  /** Ends the connection because the server broke the protocol. */
  violated(what: string, cause?: unknown): void {
    this.#fail('PROTOCOL', `the server broke the protocol: ${what}`, cause);
  }

  #assertOpen(call: string): void {
    if (this.#over !== undefined) throw this.#overError(call);
  }

  #overError(call: string): TransportError {
    const error = this.#over?.error;
    const message = error?.message ?? 'the connection was closed here';
    return new TransportError(error?.code ?? 'CLOSED', message, { call, cause: error });
  }

  #receive(chunk: Buffer): void {
    this.#keepAlive.heard();
    this.#busyPoll.heard();
    try {
      this.#reader.push(chunk, this.#onPacket);
    } catch (error) {
      this.violated(error instanceof Error ? error.message : String(error), error);
    }
  }

  readonly #onPacket = (packet: Packet): void => {
    if (this.#over === undefined) this.#dispatch(packet);
  };

  #dispatch(packet: Packet): void {
    const known = packet.program === PROGRAM.remote || packet.program === PROGRAM.qemu;
    const taken = known
      ? this.#take(packet)
      : packet.program === PROGRAM.keepAlive && this.#keepAlive.receive(packet);
    if (!taken)
      this.violated(
        `unexpected packet: program 0x${packet.program.toString(16)}, procedure ${packet.procedure}, type ${packet.type}, serial ${packet.serial}`,
      );
  }

  #take(packet: Packet): boolean {
    switch (packet.type) {
      case PACKET_TYPE.reply:
      case PACKET_TYPE.replyWithFds:
        return this.#calls.answer(packet);
      case PACKET_TYPE.message:
        this.#onMessage(packet);
        return true;
      case PACKET_TYPE.stream:
      case PACKET_TYPE.streamHole:
        return this.#takeStream(packet);
      default:
        return false;
    }
  }

  #takeStream(packet: Packet): boolean {
    const sink = this.#streams.get(packet.serial);
    sink?.packet(packet);
    return sink !== undefined;
  }

  #fail(code: TransportErrorCode, message: string, cause?: unknown): void {
    this.#finish(new TransportError(code, message, { cause }), code, message);
  }

  #finish(error: TransportError | undefined, code: TransportErrorCode, message: string): void {
    if (this.#over !== undefined) return;
    this.#over = { error };
    this.#keepAlive.stop();
    this.#duplex.destroy();
    this.#lostCalls = this.#calls.names();
    this.#calls.failAll(code, message, 'unknown', error);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const sink of streams) sink.fail(error ?? new TransportError(code, message));
    for (const act of this.#whenOver) act(error);
    this.#whenOver.clear();
  }
}

function headerOf(target: Target, serial: number): Pick<PacketHeader, 'program' | 'procedure' | 'serial'> {
  return { program: target.program, procedure: target.procedure.number, serial };
}
