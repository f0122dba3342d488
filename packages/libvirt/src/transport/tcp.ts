import type { Socket } from 'node:net';
import { TransportError } from '../errors.ts';
import { opened } from './open-socket.ts';
import { connectSharing } from './receive.ts';

/** Opens a plain TCP connection, to a port that has no encryption. */
export async function openTcp(host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  try {
    // Calls are small and each waits for its answer: Nagle's algorithm would hold them back.
    return await opened(connectSharing({ host, port, noDelay: true }), 'connect', signal);
  } catch (error) {
    throw connectError(host, port, error);
  }
}

/** Says what a failed connection to a host means. */
export function connectError(host: string, port: number, cause: unknown): TransportError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const message = cause instanceof Error ? cause.message : String(cause);
  const why =
    code === 'ECONNREFUSED'
      ? 'nobody listens there; libvirtd does with --listen or its socket unit (libvirtd-tls.socket, virtproxyd-tls.socket)'
      : code === 'ENOTFOUND'
        ? 'no such host'
        : message;
  return new TransportError('CONNECT', `${host} port ${port}: ${why}`, { cause });
}
