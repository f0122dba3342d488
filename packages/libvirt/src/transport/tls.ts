import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { TransportError } from '../errors.ts';
import { opened } from './open-socket.ts';
import type { TlsMaterial } from './pki.ts';
import { connectError } from './tcp.ts';

/** What the server sends once it has accepted this client's certificate. */
const ACCEPTED = 1;

/** Opens a TLS connection and waits until the server has accepted this client. */
export async function openTls(
  host: string,
  port: number,
  material: Partial<TlsMaterial>,
  verify: boolean,
  signal?: AbortSignal,
): Promise<TLSSocket> {
  const { ca, crl, cert, key } = material;
  const socket = connect({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // libvirt trusts its own authority alone, never those of the system.
    ca: ca ?? [],
    ...(crl === undefined ? {} : { crl }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verify,
  });
  socket.setNoDelay(true);
  oneRecordEach(socket);
  try {
    await opened(socket, 'secureConnect', signal);
  } catch (error) {
    socket.destroy();
    throw isNetworkError(error) ? connectError(host, port, error) : handshakeError(host, error);
  }
  return accepted(socket, host, cert !== undefined, signal);
}

/**
 * Node.js joins writes that wait into one TLS record. libvirtd reads packet by packet and, while it serves as many calls
 * as it takes at once, sleeps until its socket is readable: packets that came in the same record it has in its memory
 * already, and would find them only when something else arrives.
 */
function oneRecordEach(socket: TLSSocket): void {
  // A stream without _writev gets one write after the other.
  Object.defineProperty(socket, '_writev', { value: null });
}

const isNetworkError = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && error.syscall !== undefined;

function handshakeError(host: string, cause: unknown): TransportError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const remedy = 'check the name and the authority of its certificate';
  return new TransportError('CONNECT', `TLS with ${host} failed: ${message}; ${remedy}`, { cause });
}

/** The server's verdict comes after the handshake: one byte, or the end. */
async function accepted(
  socket: TLSSocket,
  host: string,
  hadCertificate: boolean,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  let failure: unknown;
  try {
    await opened(socket, 'readable', signal);
    const verdict: Buffer | null = socket.read(1);
    if (verdict?.[0] === ACCEPTED) return socket;
  } catch (error) {
    failure = error;
  }
  socket.destroy();
  const why = hadCertificate
    ? 'it did not accept this client’s certificate (its authority, or tls_allowed_dn_list in libvirtd.conf)'
    : 'it wants a client certificate and there is none: clientcert.pem and clientkey.pem';
  throw new TransportError('AUTH', `${host} refused this client: ${why}`, { cause: failure });
}
