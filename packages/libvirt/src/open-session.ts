import type { Duplex } from 'node:stream';
import { authenticate } from './auth/authenticate.ts';
import type { CallOptions } from './calls.ts';
import { Connection, DEFAULT_LIMITS } from './connection.ts';
import { TransportError } from './errors.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { ConnectOptions } from './options.ts';
import { VIR_DRV_FEATURE_PROGRAM_KEEPALIVE } from './procedures/session.ts';
import { type SessionProcedureName, targetOf } from './procedures/table.ts';
import { timerMs } from './timers.ts';
import { readPki } from './transport/pki.ts';
import { openProcess } from './transport/process.ts';
import { openTcp } from './transport/tcp.ts';
import { openTls } from './transport/tls.ts';
import { openUnixSocket } from './transport/unix.ts';
import { resolveUri } from './uri/aliases.ts';
import { type Dial, dialOf } from './uri/dial.ts';
import { ownSurroundings, type Surroundings } from './uri/surroundings.ts';
import { type LibvirtUri, parseUri } from './uri/uri.ts';
import { UriError } from './uri/uri-error.ts';

const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 5_000, count: 5 };
const DEFAULT_CONNECT_TIMEOUT_MS = 30_000;
const VIR_CONNECT_RO = 1;

/** Connects, authenticates and opens the URI; `onMessage` gets the server's events from then on. */
export async function openSession(
  options: ConnectOptions,
  onMessage: ConstructorParameters<typeof Connection>[1],
): Promise<Connection> {
  const surroundings = options.surroundings ?? ownSurroundings();
  const uri = withSocket(await parsed(options.uri, surroundings), options);
  return withDeadline(options, async (signal) => {
    const duplex = await open(dialOf(uri, surroundings, options.readOnly), options, surroundings, signal);
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const connection = new Connection(duplex, onMessage, limits, options.busyPollMicros);
    const onAbort = (): void => connection.close();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await begin(connection, uri, options, surroundings, signal);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  });
}

const parsed = async (text: string, surroundings: Surroundings): Promise<LibvirtUri> =>
  parseUri(await resolveUri(text, surroundings));

function withSocket(uri: LibvirtUri, { socket }: ConnectOptions): LibvirtUri {
  if (socket === undefined) return uri;
  if (uri.transport !== 'unix')
    throw new UriError(
      uri.serverUri,
      `the option socket is for unix sockets; over ${uri.transport} say ?socket= in the URI`,
    );
  return { ...uri, parameters: { ...uri.parameters, socket } };
}

async function open(
  dial: Dial,
  options: ConnectOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Duplex> {
  switch (dial.kind) {
    case 'unix':
      return openUnixSocket(dial.paths, signal);
    case 'tcp':
      return openTcp(dial.host, dial.port, signal);
    case 'tls': {
      const material = options.tls ?? (await pkiFor(dial, surroundings));
      return openTls(dial.host, dial.port, material, dial.verify, signal);
    }
    default:
      return openProcess(dial.argv, signal);
  }
}

/** Who takes any certificate needs no authority to judge it by. */
async function pkiFor(dial: Extract<Dial, { kind: 'tls' }>, surroundings: Surroundings): Promise<object> {
  try {
    return await readPki(dial.pkipath, surroundings);
  } catch (error) {
    if (dial.verify) throw error;
    return {};
  }
}

async function begin(
  connection: Connection,
  uri: LibvirtUri,
  options: ConnectOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const call = (name: SessionProcedureName, args: object): Promise<unknown> =>
    sessionCall(connection, name, args, { signal, timeoutMs: 0 });
  const { auth, authfile } = uri.parameters;
  await authenticate(call, {
    transport: uri.transport,
    host: uri.host ?? 'localhost',
    wanted: auth,
    authfile,
    credentials: options.credentials,
    surroundings,
  });
  await startKeepAlive(connection, options.keepAlive ?? DEFAULT_KEEP_ALIVE, call);
  await call('connectOpen', { name: uri.serverUri, flags: options.readOnly ? VIR_CONNECT_RO : 0 });
}

/** A call that belongs to the session itself. */
export function sessionCall(
  connection: Connection,
  name: SessionProcedureName,
  args: object,
  options?: CallOptions,
): Promise<unknown> {
  return connection.call(targetOf(name), args, options);
}

/** Our pings start only when the server answers such; asking it makes it ping us too. */
async function startKeepAlive(
  connection: Connection,
  keepAlive: KeepAlive | false,
  call: (name: SessionProcedureName, args: object) => Promise<unknown>,
): Promise<void> {
  if (keepAlive === false) return;
  if (await call('connectSupportsFeature', { feature: VIR_DRV_FEATURE_PROGRAM_KEEPALIVE }))
    connection.startKeepAlive(keepAlive);
}

/** Whatever ended the work, the error says when it was the caller's signal or the deadline. */
async function withDeadline<T>(
  { signal, connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS, uri }: ConnectOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const control = new AbortController();
  const onAbort = (): void => control.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const late = new TransportError('TIMEOUT', `no session with ${uri} within ${connectTimeoutMs} ms`);
  const timer =
    connectTimeoutMs > 0 ? setTimeout(() => control.abort(late), timerMs(connectTimeoutMs)) : undefined;
  // The work may be waiting for somebody who never answers, a credentials callback for instance.
  const aborted = new Promise<never>((_, reject) => {
    control.signal.addEventListener('abort', () => reject(late), { once: true });
  });
  aborted.catch(() => {});
  try {
    return await Promise.race([work(control.signal), aborted]);
  } catch (error) {
    if (!control.signal.aborted) throw error;
    if (control.signal.reason === late) throw late;
    throw new TransportError('ABORTED', 'connecting was aborted', { cause: signal?.reason });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
