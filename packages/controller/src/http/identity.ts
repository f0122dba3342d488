import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { err, PROJECT_HEADER } from '@gantry/model';
import type { Request } from '../api/call.ts';
import type { Peer } from '../api/caller.ts';

/**
 * The bearer token of a request, the project that it is about, and who is at the other end where that is another machine.
 * @throws GantryError `invalid_argument`
 */
export function identityOf(request: IncomingMessage): Pick<Request, 'token' | 'project' | 'peer' | 'from'> {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header(request, 'authorization') ?? '');
  const { socket } = request;
  const project = header(request, PROJECT_HEADER);
  return {
    from: addressOf(socket) ?? 'unix socket',
    ...(match?.[1] ? { token: match[1] } : {}),
    ...(project === undefined ? {} : { project: decoded(project) }),
    ...(socket instanceof TLSSocket ? { peer: peerOf(socket) } : {}),
  };
}

const addressOf = ({ remoteAddress }: Socket): string | undefined => remoteAddress?.replace(/^::ffff:/, '');

/** Only a certificate that the handshake found to be of our authority counts. */
function peerOf(socket: TLSSocket): Peer {
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const address = addressOf(socket);
  return {
    ...(address ? { address } : {}),
    ...(shown ? { certificate: Buffer.from(shown.fingerprint256.replaceAll(':', ''), 'hex') } : {}),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw err('invalid_argument', { what: `the header ${PROJECT_HEADER}`, wanted: 'percent-encoded text' });
  }
}

/** One value, also where it was sent several times. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
