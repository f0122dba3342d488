/** `gantry server`: the controller behind its doors: a unix socket, and loopback or TLS for other machines. */
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { Controller } from './controller.ts';
import type { Env } from './env.ts';
import { httpServer } from './http/http-server.ts';
import { type SecureDoor, secureDoor } from './http/secure-server.ts';
import { DiskImageFiles } from './images/image-files.ts';
import { openAuthority } from './pki/openssl-authority.ts';
import type { Remote } from './remote.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';

export interface ServerOptions {
  /** State directory: DIR/controller/store.db, DIR/controller/images. */
  state: string;
  socket?: string;
  /** On loopback in clear, elsewhere by TLS. */
  listen?: Address;
  /** Names and addresses by which other machines reach it, if not by the one it listens on. */
  advertise?: readonly string[];
  /** Folder with the release that new nodes are given. */
  release?: string;
  /** Names of tasks that are switched off. */
  tasksOff?: readonly string[];
}

export interface Address {
  host: string;
  port: number;
}

export interface RunningServer {
  controller: Controller;
  /** Where it listens on TCP, if it does: with the real port. */
  address?: Address;
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
  const far = listen && !isLoopback(listen.host) ? await farDoor(env, store, options, listen) : undefined;
  const controller = new Controller({ store, env, images, ...(far ? { remote: far.remote } : {}) });
  const stop = new AbortController();
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    stop.abort();
    for (const closer of closers) await closer();
    await done.catch(() => {});
    await store.close();
  };
  const done = Promise.all([controller.run(stop.signal, options.tasksOff), far?.door.keep(stop.signal)]).then(
    () => undefined,
  );
  // whoever starts the server listens once it is there
  done.catch(() => undefined);
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
    const door = await httpServer(controller.app, far?.door.create);
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

export const isLoopback = (host: string): boolean => /^(127\.|localhost$|::1$)/.test(host);

interface FarDoor {
  remote: Remote;
  door: SecureDoor;
}

/** The certificate authority and the TLS server's certificate, made at the first start that needs them. */
async function farDoor(env: Env, store: Store, options: ServerOptions, listen: Address): Promise<FarDoor> {
  const folder = join(options.state, 'controller', 'ca');
  const cluster = (await store.list('cluster')).items[0];
  const authority = await openAuthority(folder, cluster?.name ?? 'gantry', env);
  const names = options.advertise ?? reachableBy(listen.host);
  const [name = listen.host] = names;
  const url = `https://${isIPv6(name) ? `[${name}]` : name}:${listen.port}`;
  const door = await secureDoor(folder, authority, names, env);
  const certificates = () => [
    { what: 'the controller’s certificate', until: endOf(door.certificate()) },
    { what: 'the authority’s certificate', until: endOf(authority.certificate) },
  ];
  const release = options.release ? { release: options.release } : {};
  return { door, remote: { authority, certificates, url, ...release } };
}

const endOf = (pem: string): string => new X509Certificate(pem).validToDate.toISOString();

/** Of a wildcard: the addresses of this machine that others can use. */
function reachableBy(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  return Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  );
}
