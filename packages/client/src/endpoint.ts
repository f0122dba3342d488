/** Where an API listens and who asks: what every request needs. */
import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import { err } from '@gantry/model';

export interface Tls {
  /** PEM of the certificate authority to trust instead of the system's. */
  ca?: string;
  cert?: string;
  key?: string;
}

export interface Endpoint {
  /** `unix:/path` or an `http:` or `https:` address without a path. */
  url: string;
  token?: string;
  tls?: Tls;
}

/**
 * Options of node:http for an endpoint.
 * @throws GantryError `invalid_argument` for an address that is neither a socket nor http(s), or would tell others the token
 */
export function connectionOf(endpoint: Endpoint): RequestOptions {
  const socketPath = socketOf(endpoint.url);
  if (socketPath !== undefined) return { socketPath, host: 'localhost' };
  const url = URL.canParse(endpoint.url) ? new URL(endpoint.url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw badAddress(endpoint.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (endpoint.token && url.protocol === 'http:' && !isLoopback(host)) throw inTheClear(endpoint.url);
  return { protocol: url.protocol, host, ...(url.port ? { port: Number(url.port) } : {}), ...endpoint.tls };
}

/** @throws GantryError `invalid_argument` for one that no client would speak with */
export const checkEndpoint = (endpoint: Endpoint): void => void connectionOf(endpoint);

/** What does not leave this machine. */
const isLoopback = (host: string): boolean => /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host);

/** The path of a `unix:` endpoint, undefined for others. */
export const socketOf = (url: string): string | undefined =>
  url.startsWith('unix:') ? url.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') : undefined;

/** Address for a WebSocket, in the form that `ws` takes. */
export function webSocketAddress(endpoint: Endpoint, path: string): string {
  const socket = socketOf(endpoint.url);
  if (socket !== undefined) return `ws+unix:${socket}:${path}`;
  const { protocol, host, port } = connectionOf(endpoint);
  const name = String(host).includes(':') ? `[${host}]` : host;
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${name}${port ? `:${port}` : ''}${path}`;
}

/** A file with a token, without the newline at its end. Undefined when it is absent or not ours to read. */
export function readTokenFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

const inTheClear = (url: string) =>
  err('invalid_argument', {
    what: `the API address ${JSON.stringify(url.slice(0, 200))}`,
    wanted: 'https: everybody on the way would read the token; http is for this machine alone',
  });

const badAddress = (url: string) =>
  err('invalid_argument', {
    what: `the API address ${JSON.stringify(url.slice(0, 200))}`,
    wanted: 'unix:/path/to/api.sock, http://HOST:PORT or https://HOST:PORT',
  });
