/**
 * The port at which disks come in from other nodes, and from nobody else: TLS with certificates of the cluster's
 * authority on both sides, the one of the source an agent's, and a ticket that is good for one disk. Nothing is taken
 * that was not announced by the controller.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { err, isGantryError, toProblem } from '@gantry/model';
import type { Identity } from '../identity/identity-files.ts';
import { broken, Incoming } from './messages.ts';

/** What may come. */
export interface Expected {
  disk: string;
  /** Node id of the source. */
  from: string;
  ticketSha256: string;
  /** Whether this base is here already. */
  hasBase(sha256: string): Promise<boolean>;
}

interface Waiting {
  expected: Expected;
  take(incoming: Incoming): Promise<void>;
  end(error?: unknown): void;
  signal: AbortSignal;
  busy: boolean;
}

/** Without a byte for so long a source is taken for dead. */
export const SILENCE_MS = 60_000;
/** So often the source is told that work goes on: hashing and syncing a base may take longer than silence may last. */
const BUSY_EVERY_MS = 10_000;
const MOST_CONNECTIONS = 64;
export const TICKET_HEADER = 'gantry-ticket';

export class Listener {
  readonly #waiting = new Map<string, Waiting>();
  /** Tickets of copies that are complete: an answer may have got lost. */
  readonly #done = new Set<string>();
  #server: Server | undefined;

  /** Listens, or goes on with renewed certificates. Rejects where the port is taken. */
  async use(identity: Identity, port: number): Promise<void> {
    const context = contextOf(identity);
    if (this.#server) return void this.#server.setSecureContext(context);
    const server = createServer(
      { ...context, requestCert: true, rejectUnauthorized: true },
      (request, response) => void this.#answer(request, response),
    );
    server.requestTimeout = 0;
    server.maxConnections = MOST_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, () => resolve(server.off('error', reject) && undefined));
    });
    this.#server = server;
  }

  /** Undefined before it listens. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Ends when the disk has come and `take` is through with it, or failed. */
  receive(expected: Expected, take: Waiting['take'], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const { disk } = expected;
      const aborted = () => end(signal.reason);
      const end = (error?: unknown) => {
        signal.removeEventListener('abort', aborted);
        if (this.#waiting.get(disk)?.end === end) this.#waiting.delete(disk);
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(String(error)));
      };
      if (signal.aborted) return end(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.set(disk, { expected, take, end, signal, busy: false });
    });
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { status, body } = await this.#handle(request, response);
      reply(response, status, body);
    } catch (error) {
      const problem = toProblem(isGantryError(error) ? error : broken(String(error), error));
      reply(response, problem.status, problem);
    }
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ status: number; body: unknown }> {
    const url = new URL(request.url ?? '/', 'https://node');
    const [, disk] = /^\/v1\/disks\/([0-9a-f-]{36})$/.exec(url.pathname) ?? [];
    if (disk === undefined) throw err('no_route', { method: request.method ?? '', path: url.pathname });
    const ticket = digestOf(request.headers[TICKET_HEADER]);
    if (request.method === 'GET') return { status: 200, body: await this.#has(request, disk, ticket, url) };
    if (request.method !== 'PUT') throw err('no_route', { method: request.method ?? '', path: url.pathname });
    const waiting = this.#admitted(request, disk, ticket);
    const busy = setInterval(() => response.writeProcessing(), BUSY_EVERY_MS);
    await this.#take(request, waiting).finally(() => clearInterval(busy));
    this.#done.add(ticket);
    return { status: 200, body: {} };
  }

  async #has(request: IncomingMessage, disk: string, ticket: string, url: URL) {
    if (this.#done.has(ticket)) return { disk: true, base: true };
    const { expected } = this.#admitted(request, disk, ticket);
    const base = url.searchParams.get('base');
    return { disk: false, base: base !== null && (await expected.hasBase(base)) };
  }

  /** @throws GantryError `forbidden`, in the same words whatever is wrong */
  #admitted(request: IncomingMessage, disk: string, ticket: string): Waiting {
    const waiting = this.#waiting.get(disk);
    const good =
      waiting !== undefined &&
      isAgent(request.socket as TLSSocket, waiting.expected.from) &&
      timingSafeEqual(Buffer.from(ticket), Buffer.from(waiting.expected.ticketSha256));
    if (!good) throw err('forbidden', { action: 'bring this disk', why: 'it is not expected here now' });
    return waiting;
  }

  async #take(request: IncomingMessage, waiting: Waiting): Promise<void> {
    if (waiting.busy) throw broken('it is being copied already');
    waiting.busy = true;
    const incoming = new Incoming(unlessSilent(request), waiting.signal);
    const stop = () => request.destroy();
    waiting.signal.addEventListener('abort', stop, { once: true });
    try {
      await waiting.take(incoming);
      waiting.end();
    } catch (error) {
      const told = isGantryError(error) || isSystemError(error) ? error : broken(String(error), error);
      waiting.end(told);
      throw told;
    } finally {
      waiting.signal.removeEventListener('abort', stop);
    }
  }
}

/** Ends with an error when nothing comes although it is waited for. */
async function* unlessSilent(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  const chunks = request[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  for (;;) {
    const why = new Error(`silent for ${SILENCE_MS / 1000} s`);
    const limit = setTimeout(() => request.destroy(why), SILENCE_MS);
    const { done, value } = await chunks.next().finally(() => clearTimeout(limit));
    if (done) return;
    yield value;
  }
}

/** Of the disk or the file system here; what the connection says has a `syscall` of its own. */
const isSystemError = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');

const contextOf = ({ ca, host }: Identity) => ({
  key: host.key,
  cert: host.cert,
  ca,
  minVersion: 'TLSv1.3' as const,
});

const digestOf = (ticket: string | string[] | undefined): string =>
  createHash('sha256')
    .update(typeof ticket === 'string' ? ticket : '')
    .digest('hex');

/** The certificate of that node's agent; a host certificate is not one. */
function isAgent(socket: TLSSocket, node: string): boolean {
  const subject = socket.getPeerX509Certificate()?.subject.split('\n') ?? [];
  return socket.authorized && subject.includes('OU=agent') && subject.includes(`CN=${node}`);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status >= 400 ? { connection: 'close' } : {}),
  });
  response.end(JSON.stringify(body));
}
