/** The API as functions: routes by name, typed by the route table. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Body, PROJECT_HEADER, type Query, type Response, type RouteName } from '@gantry/model';
import type { Endpoint } from './endpoint.ts';
import { addressOf, type PathParameter, type QueryValues } from './endpoints.ts';
import { ConnectionLost, headerOf, Transport, textOf } from './exchange.ts';
import { refusal, unreachable } from './problems.ts';
import { type ServerEvent, serverEvents } from './server-events.ts';
import { type ByteStream, openByteStream } from './web-socket.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** For the whole answer of a call, for its head where the body is a stream; ms, default 30000. */
  timeoutMs?: number;
  /** Made anew for each mutating call unless given: the same key and request are carried out once. */
  idempotencyKey?: string;
  /** Refuse the change unless the resource still has this revision. */
  ifMatch?: string;
  headers?: Record<string, string>;
}

type Params<N extends RouteName> = [PathParameter<N>] extends [never]
  ? { params?: undefined }
  : { params: Readonly<Record<PathParameter<N>, string>> };
type QueryPart<N extends RouteName> = [Query<N>] extends [undefined]
  ? { query?: undefined }
  : { query?: Query<N> | undefined };
type BodyPart<N extends RouteName> = [Body<N>] extends [undefined] ? { body?: undefined } : { body: Body<N> };
export type Input<N extends RouteName> = Params<N> & QueryPart<N> & BodyPart<N>;

/** One request and its answer, as told to `onTrace`. */
export interface Trace {
  method: string;
  path: string;
  body?: unknown;
  status: number;
  requestId: string | undefined;
  tookMs: number;
}

export interface ClientOptions extends Endpoint {
  /** Names the program in the server's log, such as `gantry/0.1.0`. */
  userAgent?: string;
  /** Name or id: names are looked up, and things made, in this project alone. */
  project?: string;
  onTrace?: (trace: Trace) => void;
}

interface Request {
  name: RouteName;
  params: Readonly<Record<string, string>>;
  query: QueryValues;
  body?: unknown;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Pauses before the second, third, ... attempt of a request whose connection was lost. */
const RETRY_PAUSES_MS = [50, 200, 500, 1000, 2000];

export class Client {
  readonly options: ClientOptions;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.options = options;
    this.#transport = new Transport(options);
  }

  /**
   * Calls a route and answers its JSON. A request whose connection was lost is repeated with the same key.
   * @throws GantryError what the API refused with (`ApiError`), or `api_unreachable`
   */
  async call<N extends RouteName>(name: N, input: Input<N>, options: CallOptions = {}): Promise<Response<N>> {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const request = requestOf(name, input);
    const headers = headersOf(request, options);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const text = await this.#attempts(options, async () => {
      const answer = await this.#exchange(request, {
        headers,
        signal,
        ...(body === undefined ? {} : { body }),
      });
      return await textOf(answer);
    });
    return (text === '' ? {} : JSON.parse(text)) as Response<N>;
  }

  /** Opens the body of a `bytes-out` route. The caller reads it to its end or destroys it. */
  async download<N extends RouteName>(
    name: N,
    input: Input<N>,
    options: CallOptions = {},
  ): Promise<IncomingMessage> {
    const request = requestOf(name, input);
    const open = {
      headers: headersOf(request, options),
      signal: options.signal,
      timeoutMs: timeoutOf(options),
    };
    return await this.#attempts(options, () => this.#exchange(request, open));
  }

  /** Sends bytes to a `bytes-in` route; not repeated, as the stream can be read once. `sizeBytes` where it is known. */
  async upload<N extends RouteName>(
    name: N,
    input: Input<N>,
    content: Readable,
    options: CallOptions & { sizeBytes?: number } = {},
  ): Promise<Response<N>> {
    const request = requestOf(name, input);
    const headers = {
      ...headersOf(request, options),
      'content-type': 'application/octet-stream',
      ...(options.sizeBytes === undefined ? {} : { 'content-length': options.sizeBytes }),
    };
    const answer = await this.#once(async () => {
      const opened = await this.#exchange(request, { headers, signal: options.signal, body: content });
      return await textOf(opened);
    });
    return JSON.parse(answer) as Response<N>;
  }

  /**
   * Server-sent events of an `events` route until the server ends the stream. `lastEventId` resumes after that event.
   * @throws GantryError also what the server tells as event `error`
   */
  async *events<N extends RouteName>(
    name: N,
    input: Input<N>,
    options: CallOptions & { lastEventId?: string | undefined } = {},
  ): AsyncGenerator<ServerEvent> {
    const request = requestOf(name, input);
    const headers = {
      ...headersOf(request, options),
      accept: 'text/event-stream',
      ...(options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId }),
    };
    const answer = await this.#once(() =>
      this.#exchange(request, {
        headers,
        signal: options.signal,
        timeoutMs: timeoutOf(options),
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      }),
    );
    for await (const event of serverEvents(answer)) {
      if (event.event === 'error') throw refusal(answer.statusCode ?? 0, event.data, requestIdOf(answer));
      yield event;
    }
  }

  /** Opens a `websocket` route as a stream of bytes; the token travels in a header. */
  async byteStream<N extends RouteName>(
    name: N,
    input: Input<N>,
    options: CallOptions = {},
  ): Promise<ByteStream> {
    const { params, query } = requestOf(name, input);
    const { path } = addressOf(name, params, query);
    return await openByteStream(this.options, path, {
      timeoutMs: timeoutOf(options),
      signal: options.signal,
      headers: this.#ownHeaders(),
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#transport.close();
  }

  #ownHeaders(): Record<string, string> {
    const { userAgent, project } = this.options;
    return {
      ...(userAgent ? { 'user-agent': userAgent } : {}),
      ...(project === undefined ? {} : { [PROJECT_HEADER]: encodeURIComponent(project) }),
    };
  }

  async #exchange(
    request: Request,
    how: {
      headers: Record<string, string | number>;
      signal: AbortSignal | undefined;
      body?: string | Readable;
      timeoutMs?: number;
    },
  ): Promise<IncomingMessage> {
    const { method, path } = addressOf(request.name, request.params, request.query);
    const startedAt = performance.now();
    const headers = { ...this.#ownHeaders(), ...how.headers };
    const answer = await this.#transport.exchange({ ...how, method, path, headers });
    const status = answer.statusCode ?? 0;
    const requestId = requestIdOf(answer);
    const tookMs = performance.now() - startedAt;
    this.options.onTrace?.({ method, path, body: request.body, status, requestId, tookMs });
    if (status >= 200 && status < 300) return answer;
    throw refusal(status, await textOf(answer), requestId);
  }

  /** Repeats what lost its connection after it had one: a server that restarts is back soon. */
  async #attempts<T>(options: CallOptions, attempt: () => Promise<T>): Promise<T> {
    let begun = false;
    for (const pauseMs of RETRY_PAUSES_MS) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof ConnectionLost) begun ||= error.begun;
        if (!(error instanceof ConnectionLost) || !begun) throw this.#explain(error);
        await sleep(pauseMs, undefined, options.signal ? { signal: options.signal } : {});
      }
    }
    return await this.#once(attempt);
  }

  async #once<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    if (error instanceof ConnectionLost) return unreachable(this.options.url, error.cause);
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    return timedOut
      ? unreachable(this.options.url, Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
      : error;
  }
}

const requestIdOf = (answer: IncomingMessage): string | undefined => headerOf(answer.headers, 'x-request-id');

const timeoutOf = (options: CallOptions): number => options.timeoutMs ?? DEFAULT_TIMEOUT_MS;

function requestOf(
  name: RouteName,
  input: { params?: Readonly<Record<string, string>> | undefined; query?: unknown; body?: unknown },
): Request {
  const query = (input.query ?? {}) as QueryValues;
  return {
    name,
    params: input.params ?? {},
    query,
    ...(input.body === undefined ? {} : { body: input.body }),
  };
}

function headersOf(request: Request, options: CallOptions): Record<string, string> {
  const { method } = addressOf(request.name, request.params, request.query);
  return {
    accept: 'application/json, application/problem+json',
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'GET' ? {} : { 'idempotency-key': options.idempotencyKey ?? crypto.randomUUID() }),
    ...(options.ifMatch === undefined ? {} : { 'if-match': `"${options.ifMatch}"` }),
    ...options.headers,
  };
}
