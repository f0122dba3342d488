import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** As much as a unix socket holds, and most of a stream's packet. */
const RECEIVE_BYTES = 256 * 1024;
let shared: Buffer | undefined;

/**
 * Begins to connect a socket that receives into one buffer, the same for all of them: what was read is used up before
 * anything else is read. A buffer for each read, Node's own way, costs more than all else
 * in a download (512 MiB: 0.25 s of CPU, 0.1 s so). The bytes of a `data` event are valid only during it.
 */
export function connectSharing(address: NetConnectOpts): Socket {
  shared ??= Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  const buffer = shared;
  const callback = (length: number): boolean => {
    const heard = socket.emit('data', buffer.subarray(0, length));
    if (!heard) socket.destroy(new Error('the server spoke before it was asked'));
    return true;
  };
  const socket = connect({ ...address, onread: { buffer, callback } });
  return socket;
}
