import type { Socket } from 'node:net';

/** Resolves once the socket has connected (`event`); destroys it when the signal fires first. */
export function opened<S extends Socket>(
  socket: S,
  event: string,
  signal: AbortSignal | undefined,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => void socket.destroy(new Error('aborted'));
    const settle = (done: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError).removeListener('close', onClose).removeListener(event, onOpen);
      done();
    };
    const onOpen = (): void => settle(() => resolve(socket));
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => settle(() => reject(new Error('the server closed the connection')));
    socket.once(event, onOpen).once('error', onError).once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}
