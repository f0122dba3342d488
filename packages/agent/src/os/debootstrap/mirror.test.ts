import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkMirror } from './mirror.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Answer = { status: number; location?: string } | 'silence';
async function serve(answer: (url: string) => Answer): Promise<string> {
  server = createServer((request, response) => {
    const given = answer(request.url ?? '');
    if (given === 'silence') return;
    response.writeHead(given.status, given.location ? { location: given.location } : {}).end();
  });
  await new Promise<void>((go) => server?.listen(0, '127.0.0.1', go));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
/** Where nobody listens any more. */
async function closed(): Promise<string> {
  const address = await serve(() => 'silence');
  await new Promise((gone) => server?.close(gone));
  return address;
}
const signal = new AbortController().signal;
const check = (mirror: string, { limitMs = 60_000, ...more }: { proxy?: string; limitMs?: number } = {}) =>
  checkMirror({ mirror, suite: 'bookworm', ...more }, signal, limitMs);

describe('checkMirror', () => {
  it('is content with InRelease, or Release alone, also after a redirect', async () => {
    await check(await serve((url) => ({ status: url === '/dists/bookworm/InRelease' ? 200 : 404 })));
    server?.close();
    await check(await serve((url) => ({ status: url === '/dists/bookworm/Release' ? 200 : 404 })));
    server?.close();
    await check(
      await serve((url) =>
        url.startsWith('/new') ? { status: 200 } : { status: 302, location: `/new${url}` },
      ),
    );
  });
  it('asks a proxy for the whole address', async () => {
    const proxy = await serve((url) => ({
      status: url === 'http://mirror.invalid/dists/bookworm/InRelease' ? 200 : 500,
    }));
    await check('http://mirror.invalid', { proxy });
  });
  it.each<[string, () => Promise<string>, RegExp]>([
    ['a suite that is not there', () => serve(() => ({ status: 404 })), /has no suite bookworm/],
    ['an error', () => serve(() => ({ status: 503 })), /answers 503/],
    ['endless redirects', () => serve((url) => ({ status: 301, location: url })), /answers 301/],
    ['nobody there', closed, /ECONNREFUSED/],
  ])('refuses %s', async (_, start, why) => {
    await expect(check(await start())).rejects.toMatchObject({
      code: 'mirror_unreachable',
      message: expect.stringMatching(why) as string,
    });
  });
  it('refuses silence', async () => {
    await expect(check(await serve(() => 'silence'), { limitMs: 300 })).rejects.toMatchObject({
      code: 'mirror_unreachable',
      message: expect.stringContaining('no answer within 0.3 s') as string,
    });
  });
  it('stops when it is told to', async () => {
    const mirror = await serve(() => 'silence');
    const stop = AbortSignal.timeout(50);
    await expect(checkMirror({ mirror, suite: 'x' }, stop, 10_000)).rejects.not.toMatchObject({
      code: 'mirror_unreachable',
    });
  });
});
