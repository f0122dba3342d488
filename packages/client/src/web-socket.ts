/** WebSockets of the API as byte streams: consoles, displays and tunnels. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type Endpoint, webSocketAddress } from './endpoint.ts';
import { headerOf, textOf } from './exchange.ts';
import { refusal, unreachable } from './problems.ts';

export interface ByteStream {
  /** Bytes both ways, with back-pressure; nothing that came early is lost. */
  bytes: Duplex;
  /** When the other end closed it: its reason, empty where it gave none. Never rejects. */
  closed: Promise<string>;
}

/**
 * An open socket.
 * @throws GantryError what the API refused with, or `api_unreachable`; or the signal's reason
 */
export async function openByteStream(
  endpoint: Endpoint,
  path: string,
  how: { timeoutMs: number; signal?: AbortSignal | undefined; headers?: Record<string, string> },
): Promise<ByteStream> {
  // Loaded on use: a command without a console does without it.
  const { createWebSocketStream, WebSocket: Socket } = await import('ws');
  how.signal?.throwIfAborted();
  const socket = new Socket(webSocketAddress(endpoint, path), {
    headers: { ...how.headers, ...(endpoint.token ? { authorization: `Bearer ${endpoint.token}` } : {}) },
    handshakeTimeout: how.timeoutMs,
    perMessageDeflate: false,
    ...endpoint.tls,
  });
  const closed = new Promise<string>((resolve) =>
    socket.once('close', (_code, reason) => resolve(reason.toString('utf8'))),
  );
  const bytes = createWebSocketStream(socket);
  // Told to whoever reads the stream, and by `closed`; unheard it must not end the process.
  bytes.on('error', () => undefined);
  const abort = () => socket.terminate();
  how.signal?.addEventListener('abort', abort, { once: true });
  void closed.then(() => how.signal?.removeEventListener('abort', abort));
  try {
    await opened(socket);
  } catch (error) {
    how.signal?.throwIfAborted();
    throw error instanceof Refused ? await error.refusal() : unreachable(endpoint.url, error);
  }
  return { bytes, closed };
}

class Refused extends Error {
  readonly #answer: IncomingMessage;
  constructor(answer: IncomingMessage) {
    super('refused');
    this.#answer = answer;
  }
  async refusal(): Promise<Error> {
    const body = await textOf(this.#answer).catch(() => '');
    return refusal(this.#answer.statusCode ?? 0, body, headerOf(this.#answer.headers, 'x-request-id'));
  }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, answer) => reject(new Refused(answer)));
    socket.on('error', reject);
  });
}
