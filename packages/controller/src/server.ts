/** `gantry server`: the controller behind its two doors, a unix socket and loopback. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Controller } from './controller.ts';
import type { Env } from './env.ts';
import { httpServer } from './http/http-server.ts';
import { DiskImageFiles } from './images/image-files.ts';
import { SqliteStore } from './store/sqlite-store.ts';

export interface ServerOptions {
  /** State directory: DIR/controller/store.db, DIR/controller/images. */
  state: string;
  socket?: string;
  listen?: { host: string; port: number };
  /** Names of tasks that are switched off. */
  tasksOff?: readonly string[];
}

export interface RunningServer {
  controller: Controller;
  /** Where it listens on TCP, if it does: with the real port. */
  address?: { host: string; port: number };
  /** Rejects when a task loop breaks. */
  done: Promise<void>;
  close(): Promise<void>;
}

export const storePath = (state: string): string => join(state, 'controller', 'store.db');

/** @throws GantryError `store_locked`, `store_unusable`; Node's errors when it cannot listen */
export async function startServer(env: Env, options: ServerOptions): Promise<RunningServer> {
  const { state, socket, listen } = options;
  await mkdir(join(state, 'controller'), { recursive: true, mode: 0o750 });
  const store = new SqliteStore(storePath(state));
  const images = new DiskImageFiles(join(state, 'controller', 'images'), env);
  const controller = new Controller({ store, env, images });
  const stop = new AbortController();
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    stop.abort();
    for (const closer of closers) await closer();
    await done.catch(() => {});
    await store.close();
  };
  const done = controller.run(stop.signal, options.tasksOff);
  try {
    if (socket) {
      const door = await httpServer(controller.app);
      closers.push(() => door.close());
      await mkdir(dirname(socket), { recursive: true });
      // ours alone: the store's lock says that no other controller lives
      await rm(socket, { force: true });
      await door.listen({ path: socket });
      await chmod(socket, 0o660);
    }
    if (!listen) return { controller, done, close };
    const door = await httpServer(controller.app);
    closers.push(() => door.close());
    await door.listen({ host: listen.host, port: listen.port });
    const bound = door.server.address();
    const port = typeof bound === 'object' && bound ? bound.port : listen.port;
    return { controller, done, close, address: { host: listen.host, port } };
  } catch (error) {
    await close();
    throw error;
  }
}
