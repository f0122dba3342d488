import { LibvirtError, TransportError } from './errors.ts';
import { decodeBody, encodeFilled, PACKET_TYPE, type Packet, type PacketHeader, STATUS } from './frame.ts';
import { errorBody } from './procedures/session.ts';
import type { Target } from './procedures/table.ts';
import { XdrError } from './xdr.ts';

const NO_ARGUMENTS = {};

/** The packet of a call. @throws XdrError naming call and field */
export function encodeCall(target: Target, header: PacketHeader, args: unknown): Buffer {
  try {
    return encodeFilled(header, (to) => target.procedure.args.write(to, args ?? NO_ARGUMENTS));
  } catch (error) {
    throw error instanceof XdrError ? error.within(target.name) : error;
  }
}

/** The error a packet carries. */
export function decodeError(call: string, body: Uint8Array): LibvirtError {
  const { code, domain, level, message, str1, str2, str3 } = decodeBody(body, (from) => errorBody.read(from));
  const details = [str1, str2, str3].filter((text) => text !== null);
  return new LibvirtError({ code, domain, level, message: message ?? 'no message', call, details });
}

/** What an answer says. @throws LibvirtError, TransportError */
export function decodeReply(target: Target, packet: Packet): unknown {
  const call = target.name;
  if (packet.type === PACKET_TYPE.replyWithFds)
    throw new TransportError(
      'UNSUPPORTED',
      'the answer carries file descriptors, which Node.js cannot receive',
      {
        call,
        outcome: 'unknown',
      },
    );
  try {
    if (packet.status === STATUS.ok)
      return decodeBody(packet.body, (from) => target.procedure.result.read(from));
    const error = decodeError(call, packet.body);
    throw error;
  } catch (error) {
    if (!(error instanceof XdrError)) throw error;
    const about = { call, outcome: 'unknown', cause: error } as const;
    throw new TransportError('PROTOCOL', `the answer is not what it should be: ${error.message}`, about);
  }
}
