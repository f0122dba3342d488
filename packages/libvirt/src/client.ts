import type { CallOptions } from './calls.ts';
import { Connection, DEFAULT_LIMITS, type Limits } from './connection.ts';
import { TransportError } from './errors.ts';
import { type DomainEventOptions, type DomainEvents, EventRouter, subscribe } from './events.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { DomainEventKind } from './procedures/domain-events.ts';
import { remoteAuthType, VIR_DRV_FEATURE_PROGRAM_KEEPALIVE } from './procedures/session.ts';
import {
  type CallArgs,
  type CallResult,
  type CallStream,
  type ProcedureName,
  procedures,
  type SessionProcedureName,
  type Target,
  targetOf,
} from './procedures/table.ts';
import {
  type LibvirtDuplexStream,
  type LibvirtReadStream,
  type LibvirtWriteStream,
  RpcStream,
} from './streams.ts';
import { openUnixSocket, SYSTEM_SOCKETS } from './transport/unix.ts';

/** How to reach a libvirt server. */
export interface ConnectOptions {
  /** Path of the daemon's unix socket; without it libvirtd's and then virtqemud's usual path. */
  readonly socket?: string;
  /** What the daemon shall open: `qemu:///system`, `test:///default`. */
  readonly uri: string;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
  /** Pings after silence, every 5 s and dead after 5 unless told; false for none. */
  readonly keepAlive?: KeepAlive | false;
  /** Default deadline of calls in ms; without it calls wait as long as the server lives. */
  readonly callTimeoutMs?: number;
  readonly limits?: Partial<Limits>;
}

/** What comes back from a call: its result, or for calls with a stream the stream that carries it. */
export type CallAnswer<N extends ProcedureName> =
  CallStream<N> extends 'both'
    ? LibvirtDuplexStream<CallResult<N>>
    : CallStream<N> extends 'read'
      ? LibvirtReadStream<CallResult<N>>
      : CallStream<N> extends 'write'
        ? LibvirtWriteStream<CallResult<N>>
        : CallResult<N>;

/** Arguments may be left out where every one of them may. */
type CallParameters<N extends ProcedureName> =
  Record<never, never> extends CallArgs<N>
    ? [args?: CallArgs<N>, options?: CallOptions]
    : [args: CallArgs<N>, options?: CallOptions];

/** One method per procedure of the table. */
export type ProcedureMethods = {
  readonly [N in ProcedureName]: (...parameters: CallParameters<N>) => Promise<CallAnswer<N>>;
};

/** A session with a libvirt server. Methods are named as libvirt's own calls; each takes one object of arguments. */
export type LibvirtClient = ClientCore & ProcedureMethods;

const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 5_000, count: 5 };

class ClientCore {
  /** Settles when the session is over: undefined when closed from here, else why. */
  readonly closed: Promise<Error | undefined>;
  readonly #options: ConnectOptions;
  readonly #connection: Connection;
  readonly #router: EventRouter;
  readonly #streams = new Set<Connection>();

  constructor(options: ConnectOptions, connection: Connection, router: EventRouter) {
    this.#options = options;
    this.#connection = connection;
    this.#router = router;
    this.closed = connection.closed;
    connection.closed.then(
      () => this.#closeStreams(),
      () => {},
    );
  }

  /** Any call by name, for callers that choose it at run time; the methods are this with the name fixed. */
  async call<N extends ProcedureName>(
    name: N,
    ...[args, options]: CallParameters<N>
  ): Promise<CallAnswer<N>> {
    const timed = { timeoutMs: this.#options.callTimeoutMs, ...options };
    const target = targetOf(name);
    // The table ties name, layout and type together; TypeScript cannot follow it through the lookup.
    if (target.procedure.stream !== undefined)
      return (await this.#openStream(name, args, timed)) as CallAnswer<N>;
    const counted = await this.#counted(target, args, timed);
    return (await this.#connection.call(target, counted, timed)) as CallAnswer<N>;
  }

  /** The arguments, with the number of values filled in for calls that insist on it. */
  async #counted(target: Target, args: unknown, options: CallOptions): Promise<unknown> {
    const { count, ...procedure } = target.procedure;
    if (count === undefined) return args;
    const ask = { ...target, procedure: { ...procedure, result: count } };
    const given = args as object | undefined;
    return { ...given, nparams: await this.#connection.call(ask, { ...given, nparams: 0 }, options) };
  }

  /** Domain events of these kinds, in order. Registered at once; await `ready` to be sure that none is missed. */
  domainEvents<K extends DomainEventKind>(
    kinds: readonly K[],
    options: DomainEventOptions = {},
  ): DomainEvents<K> {
    return subscribe(this.#connection, this.#router, kinds, options);
  }

  /** A stream gets a connection of its own, so a slow reader holds up nobody else. */
  async #openStream(name: ProcedureName, args: unknown, options: CallOptions): Promise<unknown> {
    if (!this.#connection.isOpen) await this.#connection.call(targetOf(name), args, options);
    const connection = await openSession({ ...this.#options, keepAlive: false }, () => {}, options.signal);
    this.#streams.add(connection);
    const drop = (): void => {
      this.#streams.delete(connection);
      connection.close();
    };
    let stream: RpcStream | undefined;
    try {
      const target = targetOf(name);
      const result = await connection.call(target, args, options, (serial) => {
        stream = new RpcStream(connection, target, serial);
        return stream;
      });
      return assemble(result, stream as unknown as RpcStream, drop);
    } catch (error) {
      drop();
      throw error;
    }
  }

  #closeStreams(): void {
    for (const connection of this.#streams) connection.close();
    this.#streams.clear();
  }

  /** Ends the session; open calls, event loops and streams end with it. Never fails. */
  async close(): Promise<void> {
    const goodbye = session(this.#connection, 'connectClose', {}, { timeoutMs: 1_000 });
    await goodbye.catch(() => {});
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function assemble(result: unknown, stream: RpcStream, drop: () => void): LibvirtDuplexStream<unknown> {
  stream.closed.then(drop, drop);
  const { readable, writable, closed } = stream;
  return { result, readable, writable, closed, abort: (reason) => stream.abort(reason) };
}

for (const name of Object.keys(procedures) as ProcedureName[])
  Object.defineProperty(ClientCore.prototype, name, {
    value(this: ClientCore, ...parameters: unknown[]) {
      return this.call(name, ...(parameters as [never]));
    },
  });

function session(
  connection: Connection,
  name: SessionProcedureName,
  args: unknown,
  options?: CallOptions,
): Promise<unknown> {
  return connection.call(targetOf(name), args, options);
}

/** Connects, authenticates and opens the URI. */
export async function connect(options: ConnectOptions): Promise<LibvirtClient> {
  const router = new EventRouter();
  const connection = await openSession(options, (packet) => router.receive(packet), options.signal);
  // The methods were put on the prototype above, from the same table the type is made of.
  return new ClientCore(options, connection, router) as LibvirtClient;
}

async function openSession(
  options: ConnectOptions,
  onMessage: ConstructorParameters<typeof Connection>[1],
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const paths = options.socket === undefined ? SYSTEM_SOCKETS : [options.socket];
  const socket = await openUnixSocket(paths, signal);
  const connection = new Connection(socket, onMessage, { ...DEFAULT_LIMITS, ...options.limits });
  const call: CallOptions = { signal, timeoutMs: options.callTimeoutMs };
  try {
    await authenticate(connection, call);
    await startKeepAlive(connection, options.keepAlive ?? DEFAULT_KEEP_ALIVE, call);
    await session(connection, 'connectOpen', { name: options.uri, flags: 0 }, call);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** As root libvirtd asks for nothing; polkit decides by who is at the other end of the socket. */
async function authenticate(connection: Connection, call: CallOptions): Promise<void> {
  const offered = (await session(connection, 'authList', {}, call)) as number[];
  if (offered.includes(remoteAuthType.REMOTE_AUTH_NONE)) return;
  if (!offered.includes(remoteAuthType.REMOTE_AUTH_POLKIT))
    throw new TransportError(
      'AUTH',
      `the server wants an authentication that this client does not have (kinds ${offered.join(', ')}); over the unix socket set auth_unix_rw = "polkit" or "none" in libvirtd.conf`,
    );
  await session(connection, 'authPolkit', {}, call);
}

/** Our pings start only when the server answers such; asking it makes it ping us too. */
async function startKeepAlive(
  connection: Connection,
  keepAlive: KeepAlive | false,
  call: CallOptions,
): Promise<void> {
  if (keepAlive === false) return;
  const feature = { feature: VIR_DRV_FEATURE_PROGRAM_KEEPALIVE };
  if (await session(connection, 'connectSupportsFeature', feature, call))
    connection.startKeepAlive(keepAlive);
}
