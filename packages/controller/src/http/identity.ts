import type { IncomingMessage } from 'node:http';

/** The bearer token of a request. */
export function identityOf(request: IncomingMessage): { token?: string } {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header(request, 'authorization') ?? '');
  return match?.[1] ? { token: match[1] } : {};
}

/** One value, also where it was sent several times. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
