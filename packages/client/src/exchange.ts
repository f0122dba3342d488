/** One HTTP request and its answer's head. Knows no routes. */
import type {
  Agent,
  AgentOptions,
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  RequestOptions,
} from 'node:http';
import type { Readable } from 'node:stream';
import { connectionOf, type Endpoint } from './endpoint.ts';

export interface Exchange {
  method: string;
  path: string;
  headers: Record<string, string | number>;
  body?: string | Readable;
  signal?: AbortSignal | undefined;
  /** Until the head of the answer is here, ms; none: as long as it takes. */
  timeoutMs?: number | undefined;
}

/** A connection that failed; `begun`: after it was established, so that the request may have been carried out. */
export class ConnectionLost extends Error {
  readonly begun: boolean;
  constructor(cause: Error, begun: boolean) {
    super(cause.message, { cause });
    this.begun = begun;
  }
}

interface Protocol {
  Agent: new (options: AgentOptions) => Agent;
  request(options: RequestOptions): ClientRequest;
}

/**
 * Not by `import`: that reads every export of node:http, and the one named WebSocket loads all of undici (measured: 20 ms
 * of a command's 65), and node:https loads TLS, which a unix socket does without (9 ms).
 */
const protocolOf = ({ url }: Endpoint): Protocol =>
  url.startsWith('https:') ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http');

export class Transport {
  readonly #endpoint: Endpoint;
  readonly #agent: Agent;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#agent = new (protocolOf(endpoint).Agent)({ keepAlive: true });
  }

  /**
   * Resolves with the answer when its head is here; its body is the caller's to read.
   * @throws ConnectionLost, or the signal's reason
   */
  async exchange(request: Exchange): Promise<IncomingMessage> {
    const { body, signal } = request;
    signal?.throwIfAborted();
    const outgoing = this.#send(request);
    const answer = answerOf(outgoing, request.timeoutMs, signal);
    if (body === undefined || typeof body === 'string') {
      outgoing.end(body);
      return await answer;
    }
    return await streamed(body, outgoing, answer);
  }

  #send(request: Exchange): ClientRequest {
    const { token } = this.#endpoint;
    const options = {
      ...connectionOf(this.#endpoint),
      method: request.method,
      path: request.path,
      headers: { ...request.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
      agent: this.#agent,
    };
    return protocolOf(this.#endpoint).request(options);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Sends a stream. A refusal may come before all is sent: it counts, not the rest and not the broken pipe. */
async function streamed(
  body: Readable,
  outgoing: ClientRequest,
  answer: Promise<IncomingMessage>,
): Promise<IncomingMessage> {
  let failure: unknown;
  body.once('error', (error) => {
    failure = error;
    outgoing.destroy();
  });
  body.pipe(outgoing);
  try {
    const head = await answer;
    if (body.readableEnded) return head;
    body.unpipe(outgoing);
    head.once('close', () => outgoing.destroy());
    return head;
  } catch (error) {
    throw failure ?? error;
  } finally {
    body.destroy();
  }
}

function answerOf(
  request: ClientRequest,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  let begun = false;
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => (begun = true));
    else begun = true;
  });
  const abandon = abandonOn(signal, request);
  return new Promise((resolve, reject) => {
    const late = () => request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    request.once('response', (answer) => {
      clearTimeout(timer);
      // Whoever reads it gets the error; one that is not read just now must not end the process.
      answer.on('error', () => undefined);
      abandon(answer);
      resolve(answer);
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(signal?.aborted ? (signal.reason as Error) : new ConnectionLost(error, begun));
    });
  });
}

/**
 * Destroys the request, or its answer once that is here, when the signal aborts. Not by node:http's own `signal`: that
 * destroys the socket even after it has gone back to the pool, as an error which nobody can catch.
 */
function abandonOn(
  signal: AbortSignal | undefined,
  request: ClientRequest,
): (answer: IncomingMessage) => void {
  let at: { destroy(error?: Error): unknown } = request;
  const abort = () => at.destroy(signal?.reason as Error);
  const forget = () => signal?.removeEventListener('abort', abort);
  signal?.addEventListener('abort', abort, { once: true });
  request.once('error', forget);
  return (answer) => {
    at = answer;
    answer.once('close', forget);
  };
}

/**
 * The whole body as text.
 * @throws ConnectionLost when it breaks off
 */
export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  } catch (error) {
    throw new ConnectionLost(error as Error, true);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Header of an answer, the first where it came several times. */
export const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};
