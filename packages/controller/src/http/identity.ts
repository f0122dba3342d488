import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../api/caller.ts';

/** The bearer token of a request, and who is at the other end where that is another machine. */
export function identityOf(request: IncomingMessage): { token?: string; peer?: Peer } {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header(request, 'authorization') ?? '');
  const { socket } = request;
  return {
    ...(match?.[1] ? { token: match[1] } : {}),
    ...(socket instanceof TLSSocket ? { peer: peerOf(socket) } : {}),
  };
}

/** Only a certificate that the handshake found to be of our authority counts. */
function peerOf(socket: TLSSocket): Peer {
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const address = socket.remoteAddress?.replace(/^::ffff:/, '');
  return {
    ...(address ? { address } : {}),
    ...(shown ? { certificate: Buffer.from(shown.fingerprint256.replaceAll(':', ''), 'hex') } : {}),
  };
}

/** One value, also where it was sent several times. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
