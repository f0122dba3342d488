import type { CallOptions } from './calls.ts';
import type { Connection } from './connection.ts';
import { type EventOptions, EventRouter, type Events, subscribe } from './events.ts';
import { openSession, sessionCall } from './open-session.ts';
import type { ConnectOptions, SessionOptions } from './options.ts';
import {
  type CallAnswer,
  type CallParameters,
  ProcedureCalls,
  type ProcedureMethods,
  SPARSE_FLAG,
  type SparseName,
} from './procedure-calls.ts';
import type { EventKindName, EventOf, EventSourceName } from './procedures/event-sources.ts';
import { type ProcedureName, type Target, targetOf } from './procedures/table.ts';
import { type LibvirtDuplexStream, RpcStream } from './streams.ts';

/** A session with a libvirt server. Methods are named as libvirt's own calls; each takes one object of arguments. */
export type LibvirtClient = ClientCore & ProcedureMethods;

class ClientCore extends ProcedureCalls {
  /** Settles when the session is over: undefined when closed from here, else why. */
  readonly closed: Promise<Error | undefined>;
  readonly #options: ConnectOptions;
  readonly #connection: Connection;
  readonly #router: EventRouter;
  readonly #streams = new Set<Connection>();
  #lostStreams = 0;

  constructor(options: ConnectOptions, connection: Connection, router: EventRouter) {
    super();
    this.#options = options;
    this.#connection = connection;
    this.#router = router;
    this.closed = connection.closed;
    connection.closed.then(
      () => this.#closeStreams(),
      () => {},
    );
  }

  override call<N extends ProcedureName>(
    name: N,
    ...[args, options]: CallParameters<N>
  ): Promise<CallAnswer<N>> {
    // The table ties name, layout and type together; TypeScript cannot follow it through the lookup.
    return this.#call(name, args, this.#timed(options)) as Promise<CallAnswer<N>>;
  }

  /** Not async: for most calls the connection's own promise is all it takes. */
  #call(name: ProcedureName, args: unknown, options: CallOptions): Promise<unknown> {
    let target: Target;
    try {
      target = targetOf(name);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    if (target.procedure.stream !== undefined) return this.#openStream(name, args, options, false);
    return target.procedure.count === undefined
      ? this.#connection.call(target, args, options)
      : this.#counted(target, args, options);
  }

  #timed(options: CallOptions | undefined): CallOptions {
    const { callTimeoutMs } = this.#options;
    if (callTimeoutMs === undefined) return options ?? {};
    return options === undefined ? { timeoutMs: callTimeoutMs } : { timeoutMs: callTimeoutMs, ...options };
  }

  /** Asks how many values there are and then for so many, for calls that insist on it. */
  async #counted(target: Target, args: unknown, options: CallOptions): Promise<unknown> {
    const { count, ...procedure } = target.procedure;
    const ask = { ...target, procedure: { ...procedure, result: count as NonNullable<typeof count> } };
    const given = args as object | undefined;
    const nparams = await this.#connection.call(ask, { ...given, nparams: 0 }, options);
    return this.#connection.call(target, { ...given, nparams }, options);
  }

  override events<S extends EventSourceName, K extends EventKindName<S>>(
    source: S,
    kinds: readonly K[],
    options: EventOptions<S, K> = {} as EventOptions<S, K>,
  ): Events<EventOf<S, K>> {
    return subscribe(this.#connection, this.#router, source, kinds, options);
  }

  protected override sparse(name: SparseName, args: object, options: CallOptions): Promise<unknown> {
    return this.#openStream(name, args, this.#timed(options), true);
  }

  /** A stream gets a connection of its own, so a slow reader holds up nobody else. */
  async #openStream(
    name: ProcedureName,
    args: unknown,
    options: CallOptions,
    sparse: boolean,
  ): Promise<unknown> {
    if (!sparse) refuseSparseFlag(name, args);
    if (!this.#connection.isOpen) await this.#connection.call(targetOf(name), args, options);
    const { signal = undefined } = options;
    const session = { ...this.#options, keepAlive: false as const };
    const connection = await openSession(signal === undefined ? session : { ...session, signal }, () => {});
    // The client may have been closed meanwhile.
    if (!this.#connection.isOpen) connection.close();
    this.#streams.add(connection);
    const drop = (): void => {
      this.#streams.delete(connection);
      connection.close();
    };
    try {
      return await startStream(connection, targetOf(name), args, options, sparse, drop);
    } catch (error) {
      drop();
      throw error;
    }
  }

  /** How many streams broke when the connection was lost. */
  get lostStreams(): number {
    return this.#lostStreams;
  }

  /** The names of the calls that were without an answer when the connection was lost. */
  get lostCalls(): readonly string[] {
    return this.#connection.lostCalls;
  }

  #closeStreams(): void {
    this.#lostStreams = this.#streams.size;
    for (const connection of this.#streams) connection.close();
    this.#streams.clear();
  }

  /** Ends the session; open calls, event loops and streams end with it. Never fails. */
  async close(): Promise<void> {
    const goodbye = sessionCall(this.#connection, 'connectClose', {}, { timeoutMs: 1_000 });
    await goodbye.catch(() => {});
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function refuseSparseFlag(name: string, args: unknown): void {
  const flags = (args as { flags?: unknown } | undefined)?.flags;
  const mayBeSparse = name === 'storageVolDownload' || name === 'storageVolUpload';
  if (mayBeSparse && typeof flags === 'number' && (flags & SPARSE_FLAG) !== 0)
    throw new TypeError(`for streams with holes call ${name}Sparse, which sets this flag by itself`);
}

async function startStream(
  connection: Connection,
  target: Target,
  args: unknown,
  options: CallOptions,
  sparse: boolean,
  drop: () => void,
): Promise<LibvirtDuplexStream<unknown>> {
  let stream: RpcStream | undefined;
  const result = await connection.call(target, args, options, (serial) => {
    stream = new RpcStream(connection, target, serial, sparse);
    return stream;
  });
  // Made when the call was sent, before there can be an answer.
  const { readable, writable, closed, abort } = assembled(stream as unknown as RpcStream);
  closed.then(drop, drop);
  return { result, readable, writable, closed, abort };
}

/** Only a sparse stream carries holes, and only its methods say so in their types. */
function assembled(stream: RpcStream): Omit<LibvirtDuplexStream<unknown>, 'result'> {
  const { readable, writable, closed } = stream as unknown as LibvirtDuplexStream<unknown>;
  return { readable, writable, closed, abort: (reason) => stream.abort(reason) };
}

/** A client and what it stands on. */
export interface OpenedClient {
  readonly client: LibvirtClient;
  readonly connection: Connection;
  readonly router: EventRouter;
}

export async function openClient(options: ConnectOptions): Promise<OpenedClient> {
  const router = new EventRouter();
  const connection = await openSession(options, (packet) => router.receive(packet));
  // The methods were put on the prototype from the same table the type is made of.
  const client = new ClientCore(options, connection, router) as LibvirtClient;
  return { client, connection, router };
}

/**
 * Connects, authenticates and opens the URI: `connect('qemu:///system')`, or with everything in one object.
 * @throws UriError, TransportError, LibvirtError
 */
export function connect(uri: string, options?: SessionOptions): Promise<LibvirtClient>;
export function connect(options: ConnectOptions): Promise<LibvirtClient>;
export async function connect(
  first: string | ConnectOptions,
  options?: SessionOptions,
): Promise<LibvirtClient> {
  const { client } = await openClient(typeof first === 'string' ? { ...options, uri: first } : first);
  return client;
}
