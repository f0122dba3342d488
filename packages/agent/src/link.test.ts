import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AgentLink, agentLink } from './link.ts';

let dir: string;
let server: Server;
let link: AgentLink;
const tunnel = {
  tunnel: '00000000-0000-4000-8000-000000000001',
  what: { kind: 'console', instance: '00000000-0000-4000-8000-000000000002' },
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-link-'));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, 'api.sock'), resolve));
  link = agentLink({ url: `unix:${join(dir, 'api.sock')}`, token: 'sesame' });
});
afterEach(() => {
  link.close();
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

const never = new AbortController().signal;

test('wake-ups and tunnel requests are told apart, what is not understood only wakes', async () => {
  server.on('request', (request, response) => {
    expect(request.url).toBe('/v1/agent/watch?from=1.5');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\nevent: changed\ndata: {}\n\n');
    response.write(`event: tunnel\ndata: ${JSON.stringify(tunnel)}\n\n`);
    response.end('event: tunnel\ndata: {"tunnel":"x","what":{"kind":"shell"}}\n\n');
  });
  const seen: unknown[] = [];
  await link.watch('1.5', { changed: () => seen.push('changed'), tunnel: (t) => seen.push(t) }, never);
  expect(seen).toEqual(['changed', tunnel, 'changed']);
});

test('the content of an image comes as it is', async () => {
  server.on('request', (request, response) => {
    expect(request.url).toBe('/v1/images/abc/content');
    response.end(Buffer.alloc(300_000, 7));
  });
  let size = 0;
  for await (const chunk of await link.imageContent('abc', never)) size += chunk.length;
  expect(size).toBe(300_000);
});

test('a controller that is away is told as such', async () => {
  server.close();
  rmSync(join(dir, 'api.sock'), { force: true });
  await expect(link.assignments(never)).rejects.toMatchObject({ code: 'api_unreachable' });
});
