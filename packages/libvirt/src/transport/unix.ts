import { connect, type Socket } from 'node:net';
import { TransportError } from '../errors.ts';

/** Where libvirt's daemons listen, in the order they are tried: the monolithic one, then QEMU's modular one. */
export const SYSTEM_SOCKETS = ['/var/run/libvirt/libvirt-sock', '/var/run/libvirt/virtqemud-sock'] as const;

/** Opens the first of `paths` on which a server listens. */
export async function openUnixSocket(paths: readonly string[], signal?: AbortSignal): Promise<Socket> {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      return await open(path, signal);
    } catch (error) {
      if (signal?.aborted)
        throw new TransportError('ABORTED', 'connecting was aborted', { cause: signal.reason });
      failures.push(`${path}: ${explain(error)}`);
    }
  }
  throw new TransportError('CONNECT', `no libvirt daemon answers (${failures.join('; ')})`);
}

function open(path: string, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect({ path });
    const onAbort = (): void => void socket.destroy(new Error('aborted'));
    const settle = (done: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      done();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => settle(() => resolve(socket)));
    socket.once('error', (error) => settle(() => reject(error)));
  });
}

function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such socket, is the daemon installed and running?';
  if (code === 'ECONNREFUSED') return 'nobody listens, the daemon is not running';
  if (code === 'EACCES') return 'permission denied; run as root or join the group libvirt';
  return error instanceof Error ? error.message : String(error);
}
