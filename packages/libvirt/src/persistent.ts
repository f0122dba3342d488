/**
 * A client that outlives its connections: it connects again with growing pauses, registers for events anew, and says what
 * was lost. It never repeats a call: whether one that lost its answer was done only its owner can find out.
 */
import type { CallOptions } from './calls.ts';
import { type LibvirtClient, type OpenedClient, openClient } from './client.ts';
import { TransportError } from './errors.ts';
import { createSubscription, type EventOptions, type Events, type Subscription } from './events.ts';
import type { ConnectOptions, SessionOptions } from './options.ts';
import {
  type CallAnswer,
  type CallParameters,
  ProcedureCalls,
  type ProcedureMethods,
  type SparseName,
} from './procedure-calls.ts';
import type { EventKindName, EventOf, EventSourceName } from './procedures/event-sources.ts';
import type { ProcedureName } from './procedures/table.ts';
import { timerMs } from './timers.ts';

/** In an event loop: the connection was lost and is back. Whatever happened in between is not among the events. */
export interface Reconnected {
  readonly kind: 'reconnected';
  /** From the loss until events were registered again, in ms. */
  readonly downMs: number;
  readonly reason: Error;
}

/** What went with a connection. */
export interface Lost {
  readonly reason: Error;
  /** The calls without an answer: done or not, nobody knows. */
  readonly calls: readonly string[];
  /** Streams that broke. */
  readonly streams: number;
}

/** How to stay connected. */
export interface PersistentOptions extends SessionOptions {
  /** Pauses between attempts in ms: from `firstMs` (100) doubling up to `maxMs` (5,000), each cut by up to half at random. */
  readonly backoff?: { readonly firstMs?: number; readonly maxMs?: number };
  /** How long a call waits for a connection, in ms (30,000), unless its own deadline is shorter. */
  readonly waitMs?: number;
  /** A connection was lost. What this or one of the next two throws is lost too: none of them can stop the client. */
  readonly onLost?: (lost: Lost) => void;
  /** An attempt failed; the next comes after `delayMs`. */
  readonly onRetry?: (failed: {
    readonly attempt: number;
    readonly error: unknown;
    readonly delayMs: number;
  }) => void;
  /** The connection is back, events included. */
  readonly onReconnected?: (back: { readonly attempts: number; readonly downMs: number }) => void;
}

/** A session that comes back by itself. */
export type PersistentClient = PersistentCore & ProcedureMethods;

const DEFAULT_WAIT_MS = 30_000;

type State =
  | { readonly kind: 'connected'; readonly opened: OpenedClient }
  | { readonly kind: 'down'; readonly back: Promise<OpenedClient> }
  | { readonly kind: 'closed' };

class PersistentCore extends ProcedureCalls<Reconnected> {
  readonly #options: ConnectOptions & PersistentOptions;
  readonly #subscriptions = new Set<Subscription<unknown>>();
  readonly #end = new AbortController();
  #state: State;

  constructor(options: ConnectOptions & PersistentOptions, opened: OpenedClient) {
    super();
    this.#options = options;
    this.#state = { kind: 'connected', opened };
    this.#watch(opened);
  }

  /** Whether calls go out at once. */
  get isConnected(): boolean {
    return this.#state.kind === 'connected';
  }

  override async call<N extends ProcedureName>(
    name: N,
    ...[args, options]: CallParameters<N>
  ): Promise<CallAnswer<N>> {
    const lv = await this.#client(name, options);
    return lv.call(name, ...([args, options] as unknown as CallParameters<N>));
  }

  protected override async sparse(name: SparseName, args: object, options: CallOptions): Promise<unknown> {
    const lv = await this.#client(name, options);
    const method = name === 'storageVolDownload' ? 'storageVolDownloadSparse' : 'storageVolUploadSparse';
    return lv[method](args as never, options);
  }

  override events<S extends EventSourceName, K extends EventKindName<S>>(
    source: S,
    kinds: readonly K[],
    options: EventOptions<S, K> = {} as EventOptions<S, K>,
  ): Events<EventOf<S, K> | Reconnected> {
    const made = createSubscription(source, kinds, options, () => this.#subscriptions.delete(subscription));
    const subscription = made as unknown as Subscription<EventOf<S, K> | Reconnected>;
    this.#subscriptions.add(subscription as Subscription<unknown>);
    const ready = this.#firstAttach(subscription as Subscription<unknown>);
    ready.catch(() => {});
    return Object.assign(subscription.queue, { ready });
  }

  /** Registers on this connection, or on the next where it is lost meanwhile. */
  async #firstAttach(subscription: Subscription<unknown>): Promise<void> {
    while (!subscription.queue.isEnded) {
      const { connection, router } = await this.#opened();
      try {
        return await subscription.attach(connection, router);
      } catch (error) {
        if (connection.isOpen || this.#end.signal.aborted) {
          subscription.stop(error as Error);
          throw error;
        }
      }
    }
  }

  async #client(call: string, options: CallOptions | undefined): Promise<LibvirtClient> {
    if (this.#state.kind === 'connected') return this.#state.opened.client;
    const { waitMs = DEFAULT_WAIT_MS, callTimeoutMs } = this.#options;
    const own = options?.timeoutMs ?? callTimeoutMs ?? 0;
    const limitMs = own > 0 ? Math.min(own, waitMs) : waitMs;
    return (await within(limitMs, call, options?.signal, this.#opened())).client;
  }

  #opened(): Promise<OpenedClient> {
    if (this.#state.kind === 'connected') return Promise.resolve(this.#state.opened);
    if (this.#state.kind === 'down') return this.#state.back;
    return Promise.reject(closedHere());
  }

  #watch(opened: OpenedClient): void {
    opened.connection.closed.then(
      (reason) => this.#lost(opened, reason ?? closedHere()),
      () => {},
    );
  }

  #lost({ client, connection }: OpenedClient, reason: Error): void {
    if (this.#state.kind === 'closed') return;
    const since = performance.now();
    // Whoever waits is told of the end by its own error.
    const back = this.#reconnect(reason, since);
    back.catch(() => {});
    this.#state = { kind: 'down', back };
    tell(this.#options.onLost, { reason, calls: connection.lostCalls, streams: client.lostStreams });
  }

  async #reconnect(reason: Error, since: number): Promise<OpenedClient> {
    const { backoff, onRetry, onReconnected } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const opened = await openClient({ ...this.#options, signal: this.#end.signal });
        await this.#resume(opened, reason, since);
        tell(onReconnected, { attempts: attempt, downMs: performance.now() - since });
        return opened;
      } catch (error) {
        if (this.#end.signal.aborted) throw closedHere();
        const delayMs = pauseMs(attempt, backoff);
        tell(onRetry, { attempt, error, delayMs });
        await sleep(delayMs, this.#end.signal);
      }
    }
  }

  /** Every loop is registered anew and told, before calls go out again. */
  async #resume(opened: OpenedClient, reason: Error, since: number): Promise<void> {
    const { connection, router, client } = opened;
    const onEnd = (): void => connection.close();
    this.#end.signal.addEventListener('abort', onEnd, { once: true });
    try {
      const mark = (): Reconnected => ({ kind: 'reconnected', downMs: performance.now() - since, reason });
      await Promise.all([...this.#subscriptions].map((one) => one.attach(connection, router, mark)));
      if (this.#end.signal.aborted || !connection.isOpen) throw closedHere();
    } catch (error) {
      await client.close();
      throw error;
    } finally {
      this.#end.signal.removeEventListener('abort', onEnd);
    }
    this.#state = { kind: 'connected', opened };
    this.#watch(opened);
  }

  /** Ends it for good: calls and loops end, no further attempt is made. Never fails. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    this.#end.abort();
    for (const subscription of this.#subscriptions) subscription.stop();
    if (state.kind === 'connected') await state.opened.client.close();
    if (state.kind === 'down') await state.back.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function tell<T>(listener: ((what: T) => void) | undefined, what: T): void {
  try {
    listener?.(what);
  } catch {
    // Its owner's affair.
  }
}

const closedHere = (): TransportError => new TransportError('CLOSED', 'the client was closed here');

/** Half of it is chance, so that the clients of a restarted daemon do not all come at once. */
function pauseMs(
  attempt: number,
  { firstMs = 100, maxMs = 5_000 }: NonNullable<PersistentOptions['backoff']> = {},
): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30)) * (1 - Math.random() / 2);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(closedHere());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, timerMs(ms));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

/** The result, or an error that says that the call was never sent. */
function within<T>(
  ms: number,
  call: string,
  signal: AbortSignal | undefined,
  result: Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      done();
    };
    const onAbort = (): void =>
      settle(() =>
        reject(new TransportError('ABORTED', 'aborted before it was sent', { call, cause: signal?.reason })),
      );
    const timer = setTimeout(
      () => settle(() => reject(new TransportError('TIMEOUT', `no connection within ${ms} ms`, { call }))),
      timerMs(ms),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    result.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}

/**
 * As `connect`, with a client that connects again whenever it is lost. The first connection must come about: what is
 * wrong with the URI or the account shows at once.
 */
export async function connectPersistent(
  uri: string,
  options: PersistentOptions = {},
): Promise<PersistentClient> {
  const all = { ...options, uri };
  // The methods were put on the prototype from the same table the type is made of.
  return new PersistentCore(all, await openClient(all)) as PersistentClient;
}
