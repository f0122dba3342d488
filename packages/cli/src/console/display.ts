/** A guest's display on a port of this machine: each connection to it goes through the API, which asks who we are. */
import { createServer, type Server, type Socket } from 'node:net';
import type { ByteStream } from '@gantry/client';
import { err } from '@gantry/model';

export interface Door {
  port: number;
  close(): Promise<void>;
}

/**
 * Listens on loopback only, for one viewer at a time: whoever else works on this machine could connect too.
 * @throws GantryError `invalid_argument` when the port is taken
 */
export async function openDoor(
  open: () => Promise<ByteStream>,
  port: number,
  tell: (message: string) => void,
): Promise<Door> {
  let guest: Socket | undefined;
  const server = createServer((viewer) => {
    viewer.on('error', () => undefined);
    if (guest) return void viewer.destroy();
    guest = viewer;
    viewer.once('close', () => {
      guest = undefined;
    });
    join(viewer, open).catch((error: unknown) => {
      viewer.destroy();
      tell((error as Error).message);
    });
  });
  await listen(server, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        guest?.destroy();
      }),
  };
}

async function join(viewer: Socket, open: () => Promise<ByteStream>): Promise<void> {
  viewer.pause();
  const { bytes } = await open();
  bytes.on('error', () => viewer.destroy()).on('close', () => viewer.destroy());
  viewer.on('close', () => bytes.destroy());
  if (viewer.destroyed) return void bytes.destroy();
  viewer.pipe(bytes).pipe(viewer);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(err('invalid_argument', { what: `port ${port}`, wanted: `free: ${error.message}` }, error)),
    );
    server.listen({ host: '127.0.0.1', port }, () => resolve());
  });
}
