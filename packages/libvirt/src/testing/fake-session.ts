import type { Socket } from 'node:net';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import { LibvirtError } from '../errors.ts';
import {
  decodeBody,
  encodeBody,
  encodePacket,
  PACKET_TYPE,
  type Packet,
  type PacketHeader,
  PacketReader,
  PROGRAM,
  STATUS,
} from '../frame.ts';
import type { Domain } from '../objects.ts';
import { type DomainEvent, domainEventKinds, type EventKind } from '../procedures/domain-events.ts';
import { errorBody, remoteAuthType } from '../procedures/session.ts';
import { allTargets, type Target } from '../procedures/table.ts';
import { MachineRefusal } from './machine.ts';

/** What the fake does with a call: obey, never answer, or lose the connection before or after doing it. */
export type Fault = 'answer' | 'ignore' | 'close-before' | 'close-after';

/** The fake server's end of a stream. */
export interface FakeStreamPeer {
  send(bytes: Uint8Array): void;
  /** No more data from here. */
  end(): void;
  fail(error: Error): void;
}

/** What a handler of a call with a stream gives: the call's result and what happens to the data. */
export interface FakeStream {
  readonly result?: unknown;
  open?(peer: FakeStreamPeer): void;
  data?(bytes: Uint8Array, peer: FakeStreamPeer): void;
  /** The client has sent everything. */
  finished?(): void;
}

export interface FakeServices {
  handle(name: string, args: unknown): Promise<unknown>;
  fault(name: string): Fault;
}

const TARGETS = new Map(
  allTargets().map((target) => [`${target.program}:${target.procedure.number}`, target]),
);
const NO_BODY = new Uint8Array(0);
const KEEP_ALIVE_PING = 1;
const KEEP_ALIVE_PONG = 2;

/** One client of the fake server. */
export class FakeSession {
  readonly #socket: Socket;
  readonly #services: FakeServices;
  readonly #reader = new PacketReader();
  readonly #registrations = new Map<number, { eventID: number; uuid: string | undefined }>();
  readonly #streams = new Map<number, { target: Target; stream: FakeStream; peer: FakeStreamPeer }>();
  #nextCallback = 0;

  constructor(socket: Socket, services: FakeServices) {
    this.#socket = socket;
    this.#services = services;
    socket.on('data', (chunk) => this.#receive(chunk));
    // A client that goes away in the middle is none of the fake's business.
    socket.on('error', () => socket.destroy());
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends an event to those of this client's registrations that it concerns. */
  emit(event: DomainEvent): void {
    const { kind: name, ...body } = event;
    const kind = domainEventKinds[name] as unknown as EventKind<object>;
    for (const [callbackID, { eventID, uuid }] of this.#registrations) {
      if (eventID !== kind.id || (uuid !== undefined && uuid !== event.dom.uuid)) continue;
      const header = {
        program: PROGRAM.remote,
        procedure: kind.procedure,
        type: PACKET_TYPE.message,
        serial: 0,
      };
      this.#send(
        { ...header, status: STATUS.ok },
        encodeBody((to) => kind.layout.write(to, { callbackID, event: body })),
      );
    }
  }

  #send(header: PacketHeader, body: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(encodePacket(header, body));
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const packet of this.#reader.push(chunk)) this.#dispatch(packet);
    } catch {
      // What libvirtd does with a client that talks nonsense.
      this.close();
    }
  }

  #dispatch(packet: Packet): void {
    if (packet.program === PROGRAM.keepAlive) {
      if (packet.procedure === KEEP_ALIVE_PING && this.#services.fault('keepAlive') === 'answer')
        this.#send({ ...packet, procedure: KEEP_ALIVE_PONG }, NO_BODY);
    } else if (packet.type === PACKET_TYPE.stream) this.#stream(packet);
    else if (packet.type === PACKET_TYPE.call)
      this.#call(packet).catch((error: unknown) => this.#reply(packet, toErrorBody(error), STATUS.error));
    else this.close();
  }

  #reply(packet: Packet, body: Uint8Array, status: number = STATUS.ok): void {
    this.#send({ ...packet, type: PACKET_TYPE.reply, status }, body);
  }

  async #call(packet: Packet): Promise<void> {
    const target = TARGETS.get(`${packet.program}:${packet.procedure}`);
    if (target === undefined) throw rpcError(`unknown procedure: ${packet.procedure}`);
    const fault = this.#services.fault(target.name);
    if (fault === 'close-before') this.close();
    if (fault === 'close-before' || fault === 'ignore') return;
    const args: unknown = decodeBody(packet.body, (from) => target.procedure.args.read(from));
    const result = await this.#perform(target, args);
    if (fault === 'close-after') this.close();
    else this.#answer(packet, target, result);
  }

  #answer(packet: Packet, target: Target, result: unknown): void {
    const stream = target.procedure.stream === undefined ? undefined : (result as FakeStream);
    const value = stream === undefined ? result : stream.result;
    this.#reply(
      packet,
      encodeBody((to) => target.procedure.result.write(to, value)),
    );
    if (stream !== undefined) this.#openStream(packet, target, stream);
  }

  #perform(target: Target, args: unknown): unknown {
    switch (target.name) {
      case 'authList':
        return [remoteAuthType.REMOTE_AUTH_NONE];
      case 'connectOpen':
      case 'connectClose':
        return undefined;
      case 'connectSupportsFeature':
        return true;
      case 'connectDomainEventCallbackRegisterAny':
        return this.#register(args as { eventID: number; dom: Domain | null });
      case 'connectDomainEventCallbackDeregisterAny':
        return void this.#registrations.delete((args as { callbackID: number }).callbackID);
      default:
        return this.#services.handle(target.name, args);
    }
  }

  #register({ eventID, dom }: { eventID: number; dom: Domain | null }): number {
    for (const known of this.#registrations.values())
      if (known.eventID === eventID && known.uuid === dom?.uuid)
        throw refusal(
          virErrorNumber.VIR_ERR_INVALID_ARG,
          virErrorDomain.VIR_FROM_NONE,
          'invalid argument: event callback already tracked',
        );
    const callbackID = this.#nextCallback++;
    this.#registrations.set(callbackID, { eventID, uuid: dom?.uuid });
    return callbackID;
  }

  #openStream(packet: Packet, target: Target, stream: FakeStream): void {
    const send = (status: number, body: Uint8Array): void =>
      this.#send({ ...packet, type: PACKET_TYPE.stream, status }, body);
    const peer: FakeStreamPeer = {
      send: (bytes) => send(STATUS.continue, bytes),
      end: () => send(STATUS.continue, NO_BODY),
      fail: (error) => {
        this.#streams.delete(packet.serial);
        send(STATUS.error, toErrorBody(error));
      },
    };
    this.#streams.set(packet.serial, { target, stream, peer });
    stream.open?.(peer);
  }

  /** Data, the client's end (which is confirmed), or its abort (likewise). */
  #stream(packet: Packet): void {
    const open = this.#streams.get(packet.serial);
    if (open === undefined) return;
    if (packet.status === STATUS.continue) {
      open.stream.data?.(new Uint8Array(packet.body), open.peer);
      return;
    }
    this.#streams.delete(packet.serial);
    if (packet.status === STATUS.ok) open.stream.finished?.();
    this.#send({ ...packet, status: STATUS.ok }, NO_BODY);
  }
}

const rpcError = (message: string): LibvirtError =>
  refusal(virErrorNumber.VIR_ERR_RPC, virErrorDomain.VIR_FROM_RPC, message);

/** An error for a handler to throw. */
export function refusal(code: number, domain: number, message: string): LibvirtError {
  return new LibvirtError({ code, domain, level: 2, message, call: '' });
}

function toErrorBody(error: unknown): Uint8Array {
  const known = error instanceof LibvirtError || error instanceof MachineRefusal;
  const code = known ? error.code : virErrorNumber.VIR_ERR_INTERNAL_ERROR;
  const domain = known ? error.domain : virErrorDomain.VIR_FROM_NONE;
  const message = error instanceof Error ? error.message : String(error);
  return encodeBody((to) => errorBody.write(to, { code, domain, message, level: 2, int1: 0, int2: 0 }));
}
