import type { Duplex } from 'node:stream';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import { LibvirtError } from '../errors.ts';
import {
  decodeBody,
  encodeBody,
  encodePacket,
  PACKET_TYPE,
  type Packet,
  type PacketHeader,
  PROGRAM,
  STATUS,
} from '../frame.ts';
import { PacketReader } from '../packet-reader.ts';
import type { EventKind } from '../procedures/event-kind.ts';
import {
  type EventKindName,
  type EventOf,
  type EventSourceName,
  type EventSubject,
  eventSources,
} from '../procedures/event-sources.ts';
import { errorBody, remoteAuthType } from '../procedures/session.ts';
import { allTargets, type Target } from '../procedures/table.ts';
import { holeBody } from '../streams.ts';
import { type FakeExchange, type FakeSasl, fakeExchange } from './fake-sasl.ts';
import { MachineRefusal } from './machine.ts';

/** What the fake does with a call: obey, never answer, or lose the connection before or after doing it. */
export type Fault = 'answer' | 'ignore' | 'close-before' | 'close-after';

/** The fake server's end of a stream. */
export interface FakeStreamPeer {
  send(bytes: Uint8Array): void;
  /** A hole of so many bytes; only for clients that asked for such. */
  sendHole(length: number): void;
  /** No more data from here. */
  end(): void;
  fail(error: Error): void;
}

/** What a handler of a call with a stream gives: the call's result and what happens to the data. */
export interface FakeStream {
  readonly result?: unknown;
  open?(peer: FakeStreamPeer): void;
  data?(bytes: Uint8Array, peer: FakeStreamPeer): void;
  hole?(length: number): void;
  /** The client has sent everything. */
  finished?(): void;
}

export interface FakeServices {
  /** Accounts that clients must have; without it everyone may come in. */
  readonly sasl?: FakeSasl | undefined;
  handle(name: string, args: unknown): Promise<unknown>;
  fault(name: string): Fault;
}

const TARGETS = new Map(
  allTargets().map((target) => [`${target.program}:${target.procedure.number}`, target]),
);
const REGISTER = new Map<string, EventSourceName>(
  Object.entries(eventSources).map(([source, { register }]) => [register, source as EventSourceName]),
);
const DEREGISTER = new Set([...REGISTER.keys()].map((name) => name.replace('Register', 'Deregister')));
const NO_BODY = new Uint8Array(0);
const KEEP_ALIVE_PING = 1;
const KEEP_ALIVE_PONG = 2;

/** Arguments of a registration; the object is null for all. */
interface Registration {
  readonly eventID?: number;
}

/** One client of the fake server. */
export class FakeSession {
  readonly #socket: Duplex;
  readonly #services: FakeServices;
  readonly #reader = new PacketReader();
  readonly #registrations = new Map<number, { source: EventSourceName; eventID: number; object: unknown }>();
  readonly #streams = new Map<number, { target: Target; stream: FakeStream; peer: FakeStreamPeer }>();
  #nextCallback = 0;
  #exchange: FakeExchange | undefined;
  #authenticated: boolean;

  constructor(socket: Duplex, services: FakeServices) {
    this.#socket = socket;
    this.#services = services;
    this.#authenticated = services.sasl === undefined;
    socket.on('data', (chunk) => this.#receive(chunk));
    // A client that goes away in the middle is none of the fake's business.
    socket.on('error', () => socket.destroy());
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends an event to those of this client's registrations that it concerns. */
  emit<S extends EventSourceName>(source: S, event: EventOf<S>): void {
    const { kind: name, ...body } = event;
    const { kinds, program, identify } = eventSources[source];
    const kind = (kinds as unknown as Record<EventKindName<S>, EventKind<object>>)[name];
    const object = (identify as (event: EventSubject<S>) => string)(event as EventSubject<S>);
    for (const [callbackID, registered] of this.#registrations) {
      if (registered.source !== source || registered.eventID !== kind.id) continue;
      if (registered.object !== undefined && registered.object !== object) continue;
      const header = { program, procedure: kind.procedure, type: PACKET_TYPE.message, serial: 0 };
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
      this.#reader.push(chunk, (packet) => this.#dispatch({ ...packet, body: Buffer.from(packet.body) }));
    } catch {
      // What libvirtd does with a client that talks nonsense.
      this.close();
    }
  }

  #dispatch(packet: Packet): void {
    if (packet.program === PROGRAM.keepAlive) {
      if (packet.procedure === KEEP_ALIVE_PING && this.#services.fault('keepAlive') === 'answer')
        this.#send({ ...packet, procedure: KEEP_ALIVE_PONG }, NO_BODY);
    } else if (packet.type === PACKET_TYPE.stream || packet.type === PACKET_TYPE.streamHole)
      this.#stream(packet);
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
    const source = REGISTER.get(target.name);
    if (source !== undefined && this.#authenticated) return this.#register(source, args as Registration);
    if (DEREGISTER.has(target.name))
      return void this.#registrations.delete((args as { callbackID: number }).callbackID);
    switch (target.name) {
      case 'authList':
        return [
          this.#services.sasl === undefined
            ? remoteAuthType.REMOTE_AUTH_NONE
            : remoteAuthType.REMOTE_AUTH_SASL,
        ];
      case 'authSaslInit':
        return (this.#services.sasl?.mechanisms ?? ['SCRAM-SHA-256']).join(',');
      case 'authSaslStart':
      case 'authSaslStep':
        return this.#sasl(args as { mech?: string; data: Uint8Array });
      default:
        if (!this.#authenticated)
          throw refusal(
            virErrorNumber.VIR_ERR_AUTH_FAILED,
            virErrorDomain.VIR_FROM_RPC,
            'authentication required',
          );
        return this.#serve(target.name, args);
    }
  }

  #serve(name: string, args: unknown): unknown {
    if (name === 'connectOpen' || name === 'connectClose') return undefined;
    return name === 'connectSupportsFeature' ? true : this.#services.handle(name, args);
  }

  #sasl({ mech, data }: { mech?: string; data: Uint8Array }): object {
    if (mech !== undefined) this.#exchange = fakeExchange(mech, this.#services.sasl ?? { accounts: {} });
    if (this.#exchange === undefined) throw rpcError('no exchange was started');
    const turn = this.#exchange(data);
    this.#authenticated ||= turn.complete;
    return { ...turn, nil: turn.data.length === 0 };
  }

  #register(source: EventSourceName, args: Registration): number {
    const { eventID = 0, ...subject } = args;
    const given = Object.values(subject).some((value) => typeof value === 'object' && value !== null);
    const object = given ? (eventSources[source].identify as (of: unknown) => string)(subject) : undefined;
    for (const known of this.#registrations.values())
      if (known.source === source && known.eventID === eventID && known.object === object)
        throw refusal(
          virErrorNumber.VIR_ERR_INVALID_ARG,
          virErrorDomain.VIR_FROM_NONE,
          'invalid argument: event callback already tracked',
        );
    const callbackID = this.#nextCallback++;
    this.#registrations.set(callbackID, { source, eventID, object });
    return callbackID;
  }

  #openStream(packet: Packet, target: Target, stream: FakeStream): void {
    const send = (status: number, body: Uint8Array): void =>
      this.#send({ ...packet, type: PACKET_TYPE.stream, status }, body);
    const peer: FakeStreamPeer = {
      send: (bytes) => send(STATUS.continue, bytes),
      sendHole: (length) =>
        this.#send(
          { ...packet, type: PACKET_TYPE.streamHole, status: STATUS.continue },
          encodeBody((to) => holeBody.write(to, { length, flags: 0 })),
        ),
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
    if (packet.type === PACKET_TYPE.streamHole) {
      open.stream.hole?.(decodeBody(packet.body, (from) => holeBody.read(from)).length);
      return;
    }
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
