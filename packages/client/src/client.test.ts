import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { err, isGantryError, toProblem } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { Client } from './client.ts';
import { checkEndpoint } from './endpoint.ts';
import { ApiError } from './problems.ts';
import { watch } from './watch.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

let dir: string;
let server: Server;
let seen: Seen[];
let answer: (request: Seen, response: ServerResponse) => void;
let client: Client;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-client-'));
  seen = [];
  server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(join(dir, 'api.sock'), resolve));
  client = new Client({ url: `unix:${join(dir, 'api.sock')}`, token: 'sesame' });
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const entry = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
  seen.push(entry);
  answer(entry, response);
}

const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { 'x-request-id': 'req-1' }).end(JSON.stringify(value));
const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test('a call carries token, query and body, and answers the JSON', async () => {
  answer = (_, response) => json(response, { plan: ['would do'] }, 202);
  const got = await client.call('createInstance', { query: { plan: true }, body: { name: 'web1' } });
  expect(got).toEqual({ plan: ['would do'] });
  expect(seen).toMatchObject([{ method: 'POST', url: '/v1/instances?plan=true', body: '{"name":"web1"}' }]);
  expect(seen[0]?.headers).toMatchObject({
    authorization: 'Bearer sesame',
    'content-type': 'application/json',
  });
  expect(seen[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
});

test('reading carries no idempotency key', async () => {
  answer = (_, response) => json(response, {});
  await client.call('getInstance', { params: { ref: 'web1' } });
  expect(seen[0]?.headers['idempotency-key']).toBeUndefined();
});

test('a problem document becomes the error that it is, with its request id', async () => {
  const refused = err('name_taken', { kind: 'instance', name: 'web1' });
  answer = (_, response) => json(response, toProblem(refused), 409);
  const error = await rejection(client.call('createInstance', { body: { name: 'web1' } }));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: 'name_taken', exit: 5, message: refused.message, requestId: 'req-1' });
});

test('an answer that is no problem document is told as it came', async () => {
  answer = (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>');
  const error = await rejection(client.call('getCluster', {}));
  expect(error).toMatchObject({
    code: 'internal',
    message: expect.stringContaining('502: <html>Bad Gateway'),
  });
});

test('a lost connection is repeated with the same key', async () => {
  answer = (_, response) => {
    if (seen.length < 3) response.socket?.destroy();
    else json(response, { plan: [] }, 202);
  };
  await client.call('startInstance', { params: { ref: 'web1' }, body: {} });
  const keys = seen.map((request) => request.headers['idempotency-key']);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
});

test('an upload is not repeated', async () => {
  answer = (_, response) => response.socket?.destroy();
  const content = Readable.from([Buffer.from('abc')]);
  const error = await rejection(client.upload('putImageContent', { params: { ref: 'a/b' } }, content));
  expect(isGantryError(error, 'api_unreachable')).toBe(true);
  expect(seen).toMatchObject([{ url: '/v1/images/a%2Fb/content', body: 'abc' }]);
});

test('an early refusal of an upload is told, not the broken pipe', async () => {
  server.removeAllListeners('request');
  server.on('request', (_, response) => {
    json(response, toProblem(err('not_found', { kind: 'image', name: 'x' })), 404);
  });
  const endless = Readable.from(
    (async function* () {
      for (;;) {
        yield Buffer.alloc(65536);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })(),
  );
  const error = await rejection(client.upload('putImageContent', { params: { ref: 'x' } }, endless));
  expect(error).toMatchObject({ code: 'not_found' });
});

test('where nothing listens is told at once, with the reason', async () => {
  const nobody = new Client({ url: `unix:${join(dir, 'none.sock')}` });
  const error = await rejection(nobody.call('health', {}));
  expect(error).toMatchObject({
    code: 'api_unreachable',
    exit: 8,
    message: expect.stringContaining('there is no such socket'),
  });
});

test('a server that does not answer is given up', async () => {
  answer = () => undefined;
  const error = await rejection(client.call('health', {}, { timeoutMs: 50 }));
  expect(error).toMatchObject({ code: 'api_unreachable', message: expect.stringContaining('in time') });
});

test('an abort is the caller’s own reason', async () => {
  const abort = new AbortController();
  answer = () => abort.abort(new Error('enough'));
  const error = await rejection(client.call('health', {}, { signal: abort.signal }));
  expect(error).toMatchObject({ message: 'enough' });
});

test('an address that is none is refused', async () => {
  const wrong = new Client({ url: 'ftp://somewhere' });
  expect(await rejection(wrong.call('health', {}))).toMatchObject({ code: 'invalid_argument' });
});

test('watch resumes after the last event when the connection ends', async () => {
  answer = (_, response) => {
    const at = seen.length;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`id: 1.${at}\nevent: change\ndata: {"n":${at}}\n\n`);
  };
  const abort = new AbortController();
  const got: string[] = [];
  for await (const event of watch(client, { from: '1.0', kinds: 'node' }, { signal: abort.signal })) {
    got.push(event.data);
    if (got.length === 3) abort.abort();
  }
  expect(got).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  expect(seen.map((request) => request.headers['last-event-id'])).toEqual([undefined, '1.1', '1.2']);
});

test('watch ends with the refusal when the revision is no longer kept', async () => {
  answer = (_, response) => json(response, toProblem(err('revision_compacted', { revision: '1.1' })), 410);
  const first = watch(client, { from: '1.1' }).next();
  expect(await rejection(first)).toMatchObject({ code: 'revision_compacted' });
});

test('a byte stream is opened with the token in a header, and loses nothing that came early', async () => {
  const sockets = new WebSocketServer({ server });
  let authorization: string | undefined;
  sockets.on('connection', (socket, request) => {
    authorization = request.headers.authorization;
    socket.send(`hello from ${request.url}`);
  });
  const { bytes, closed } = await client.byteStream('instanceConsole', { params: { ref: 'web1' } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const text = await new Promise((resolve) => bytes.once('data', (data) => resolve(String(data))));
  expect(text).toBe('hello from /v1/instances/web1/console');
  expect(authorization).toBe('Bearer sesame');
  for (const socket of sockets.clients) socket.close(1000, 'the guest stopped');
  bytes.resume();
  expect(await closed).toBe('the guest stopped');
  sockets.close();
});

test('a refused WebSocket is the refusal', async () => {
  server.on('upgrade', (_request, socket) => {
    const body = JSON.stringify(toProblem(err('wrong_state', { kind: 'instance', name: 'web1' })));
    socket.end(
      `HTTP/1.1 409 Conflict\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
  const error = await rejection(client.byteStream('instanceConsole', { params: { ref: 'web1' } }));
  expect(error).toMatchObject({ code: 'wrong_state' });
});

test.each([
  ['http://127.0.0.1:1', true],
  ['http://[::1]:1', true],
  ['http://localhost:1', true],
  ['https://10.0.0.1:1', true],
  ['http://10.0.0.1:1', false],
  ['http://127.0.0.1.example:1', false],
])('a token for %s: %s', (url, may) => {
  const check = () => checkEndpoint({ url, token: 'sesame' });
  if (may) check();
  else expect(check).toThrow(/would read the token/);
  checkEndpoint({ url });
});
