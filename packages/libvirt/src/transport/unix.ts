import type { Socket } from 'node:net';
import { TransportError } from '../errors.ts';
import { opened } from './open-socket.ts';
import { connectSharing } from './receive.ts';

/** Opens the first of `paths` that exists; one that exists and does not answer is an error, as with virsh. */
export async function openUnixSocket(paths: readonly string[], signal?: AbortSignal): Promise<Socket> {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      return await opened(connectSharing({ path }), 'connect', signal);
    } catch (error) {
      failures.push(`${path}: ${explain(error)}`);
      if (codeOf(error) !== 'ENOENT') break;
    }
  }
  throw new TransportError('CONNECT', `no libvirt daemon answers (${failures.join('; ')})`);
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

function explain(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'no such socket, is the daemon installed and running?';
  if (code === 'ECONNREFUSED') return 'nobody listens, the daemon is not running';
  if (code === 'EACCES') return 'permission denied; run as root or join the group libvirt';
  return error instanceof Error ? error.message : String(error);
}
