/** The API over HTTP: problem documents, streams, uploads, tunnels. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Image, Operation, Problem, TunnelRequest } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { initCluster } from '../src/bootstrap.ts';
import { type RunningServer, startServer, storePath } from '../src/server.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { systemEnv } from '../src/system-env.ts';
import { network } from '../src/testing/cluster.ts';
import { FakeAgent } from '../src/testing/fake-agent.ts';

const state = mkdtempSync(join(tmpdir(), 'gantry-http-'));
const socket = join(state, 'run', 'api.sock');
const env = { ...systemEnv(), log: () => {} };
let server: RunningServer;
let base: string;
let admin: string;
let agentToken: string;
let agent: FakeAgent;

beforeAll(async () => {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(state, 'controller'), { recursive: true });
  const store = new SqliteStore(storePath(state));
  const made = await initCluster(store, env, { name: 'test', node: 'n1', network });
  await store.close();
  admin = made.adminToken;
  agentToken = made.agentToken;
  server = await startServer(env, { state, socket, listen: { host: '127.0.0.1', port: 0 } });
  base = `http://127.0.0.1:${server.address?.port}`;
  agent = new FakeAgent(server.controller, env, agentToken);
  await agent.hello();
});
afterAll(async () => {
  await server.close();
  rmSync(state, { recursive: true });
});

const auth = (secret = admin) => ({ authorization: `Bearer ${secret}` });
const post = (path: string, body: unknown, headers: object = {}) =>
  fetch(base + path, {
    method: 'POST',
    headers: { ...auth(), 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const problem = async (reply: Response | Promise<Response>) => {
  const got = await reply;
  expect(got.headers.get('content-type')).toContain('application/problem+json');
  const body = (await got.json()) as Problem;
  expect(body.status).toBe(got.status);
  expect(body.requestId).toBe(got.headers.get('x-request-id'));
  return `${body.status} ${body.code}`;
};

test('refusals are problem documents with their code and request id', async () => {
  expect(await problem(fetch(`${base}/nothing`))).toBe('404 no_route');
  expect(await problem(fetch(`${base}/v1/instances`))).toBe('401 unauthenticated');
  expect(await problem(fetch(`${base}/v1/instances/none`, { headers: auth() }))).toBe('404 not_found');
  expect(await problem(post('/v1/instances', '{'))).toBe('400 invalid_body');
  expect(await problem(post('/v1/instances', '{"__proto__":{}}'))).toBe('400 invalid_body');
  expect(await problem(post('/v1/instances', '"x"'))).toBe('400 invalid_body');
  expect(await problem(post('/v1/instances', `{"name":"${'x'.repeat(2 ** 20)}"}`))).toBe(
    '413 body_too_large',
  );
  expect(await problem(post('/v1/instances', 'a=b', { 'content-type': 'text/plain' }))).toBe(
    '400 invalid_argument',
  );
  expect(await problem(fetch(`${base}/v1/instances?limit=0`, { headers: auth() }))).toBe('400 invalid_body');
  expect(await problem(fetch(`${base}/v1/agent/assignments`, { headers: auth() }))).toBe('403 forbidden');
  expect(await problem(fetch(`${base}/v1/instances/%zz`, { headers: auth() }))).toBe('400 invalid_body');
  expect(await problem(fetch(`${base}/v1/instances/${'x'.repeat(2000)}`, { headers: auth() }))).toMatch(
    /^4\d\d /,
  );
});

test.each([
  ['a token of 100 kB', `Bearer gantry_${'A'.repeat(100_000)}`, 431],
  ['a token longer than any', `Bearer gantry_${'A'.repeat(600)}`, 401],
  ['two tokens', `Bearer ${'x'.repeat(40)} ${'y'.repeat(40)}`, 401],
  ['another scheme', 'Basic YWRtaW46YWRtaW4=', 401],
  ['a token in other letters', 'Bearer gаntry_', 401],
])('%s is refused, and others are served', async (_, authorization, status) => {
  const answered = await new Promise((resolve, reject) => {
    const headers = { authorization: Buffer.from(authorization).toString('latin1') };
    httpRequest(`${base}/v1/instances`, { headers, agent: false }, (reply) =>
      resolve(reply.resume().statusCode),
    )
      .on('error', reject)
      .end();
  });
  expect(answered).toBe(status);
  expect((await fetch(`${base}/v1/instances`, { headers: auth() })).status).toBe(200);
});

test('the unix socket wants a token too, and is for its group only', async () => {
  const status = await new Promise((resolve, reject) => {
    httpRequest({ socketPath: socket, path: '/v1/instances' }, (reply) => resolve(reply.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(401);
  expect(statSync(socket).mode & 0o777).toBe(0o660);
});

test('one resource has an entity tag; a name with a slash is escaped', async () => {
  const reply = await fetch(`${base}/v1/images/debian%2F12`, { headers: auth() });
  const image = (await reply.json()) as Image;
  expect([image.name, reply.headers.get('etag')]).toEqual(['debian/12', `"${image.revision}"`]);
});

test('the OpenAPI document names every route', async () => {
  const document = (await (await fetch(`${base}/openapi.json`)).json()) as { openapi: string; paths: object };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toContain('/v1/instances/{ref}');
});

/** Events of a stream as [event, id, data] until `enough`. */
async function events(path: string, enough: (told: string[]) => boolean, headers: object = {}) {
  const over = new AbortController();
  const reply = await fetch(base + path, { headers: { ...auth(), ...headers }, signal: over.signal });
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  const told: { event: string; id: string; data: unknown }[] = [];
  let rest = '';
  for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>) {
    rest += Buffer.from(chunk).toString();
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      if (field('event'))
        told.push({ event: field('event'), id: field('id'), data: JSON.parse(field('data')) });
    }
    if (enough(told.map(({ event }) => event))) break;
  }
  over.abort();
  return told;
}

test('a watch over HTTP resumes after its last event', async () => {
  const all = await events('/v1/watch?from=1.0&kinds=flavor', (told) => told.includes('bookmark'));
  expect(all.map(({ event }) => event)).toEqual(['put', 'put', 'put', 'put', 'bookmark']);
  const last = all[1]?.id ?? '';
  const rest = await events('/v1/watch?from=1.0&kinds=flavor', (told) => told.includes('bookmark'), {
    'last-event-id': last,
  });
  expect(rest).toEqual(all.slice(2));
  expect(await problem(fetch(`${base}/v1/watch?from=77.1`, { headers: auth() }))).toBe(
    '410 revision_compacted',
  );
});

test('an operation is followed to its end', async () => {
  const reply = await post(
    '/v1/instances',
    { name: 'web', flavor: 'small', image: 'debian/12' },
    { 'idempotency-key': 'k' },
  );
  expect(reply.status).toBe(202);
  const operation = (await reply.json()) as Operation;
  const again = await post(
    '/v1/instances',
    { name: 'web', flavor: 'small', image: 'debian/12' },
    { 'idempotency-key': 'k' },
  );
  expect(((await again.json()) as Operation).id).toBe(operation.id);
  const following = events(`/v1/operations/${operation.spec.number}/watch`, () => false);
  await agent.round();
  await agent.report({
    log: [
      {
        operation: operation.id as never,
        lines: [{ at: operation.createdAt, level: 'info', text: 'hello' }],
      },
    ],
  });
  const told = await following;
  const last = told.at(-1)?.data as Operation | undefined;
  expect(last?.status.state).toBe('succeeded');
});

const content = Buffer.alloc(3 * 2 ** 20, 'raw content ');

describe('image content', () => {
  const upload = (name: string, body: Uint8Array) =>
    fetch(`${base}/v1/images/${name}/content`, {
      method: 'PUT',
      headers: { ...auth(), 'content-type': 'application/octet-stream' },
      body,
    });
  const folder = join(state, 'controller', 'images');

  test('is stored under its digest, once, and comes back as it was', async () => {
    await post('/v1/images', { name: 'raw', spec: { source: 'file', format: 'raw' } });
    const image = (await (await upload('raw', content)).json()) as Image;
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(image.status).toEqual({
      state: 'ready',
      sha256,
      sizeBytes: content.length,
      virtualBytes: content.length,
    });
    expect(readdirSync(folder)).toEqual([sha256]);
    const back = await fetch(`${base}/v1/images/raw/content`, { headers: auth() });
    expect(Buffer.from(await back.arrayBuffer()).equals(content)).toBe(true);
    expect(await problem(upload('raw', content))).toBe('409 wrong_state');
    // an agent gets only what its node shall hold
    expect(await problem(fetch(`${base}/v1/images/raw/content`, { headers: auth(agentToken) }))).toBe(
      '404 not_found',
    );
    const made = await post('/v1/instances', { name: 'from-raw', flavor: 'small', image: 'raw' });
    expect(made.status).toBe(202);
    expect((await fetch(`${base}/v1/images/raw/content`, { headers: auth(agentToken) })).status).toBe(200);
    const inUse = fetch(`${base}/v1/images/raw`, { method: 'DELETE', headers: auth() });
    expect(await problem(inUse)).toBe('409 in_use');
  });

  test('goes with the last image that has it', async () => {
    const other = Buffer.from('another content');
    for (const name of ['one', 'two']) {
      await post('/v1/images', { name, spec: { source: 'file', format: 'raw' } });
      expect((await upload(name, other)).status).toBe(200);
    }
    const sha256 = createHash('sha256').update(other).digest('hex');
    const remove = (name: string) =>
      fetch(`${base}/v1/images/${name}`, { method: 'DELETE', headers: auth() });
    expect((await remove('one')).status).toBe(200);
    expect((await fetch(`${base}/v1/images/two/content`, { headers: auth() })).status).toBe(200);
    expect((await remove('two')).status).toBe(200);
    await expect.poll(() => readdirSync(folder)).not.toContain(sha256);
  });

  test('that names another file, or is no qcow2, is refused and not kept', async () => {
    const before = readdirSync(folder);
    const header = Buffer.alloc(65_536);
    header.write('QFI\xfb', 0, 'latin1');
    header.writeUInt32BE(2, 4);
    header.writeBigUInt64BE(72n, 8);
    header.writeUInt32BE(11, 16);
    header.writeUInt32BE(16, 20);
    header.writeBigUInt64BE(2n ** 30n, 24);
    header.write('/etc/shadow', 72);
    await post('/v1/images', { name: 'bad', spec: { source: 'file', format: 'qcow2' } });
    for (const body of [header, content, Buffer.alloc(0), Buffer.alloc(100)])
      expect(await problem(upload('bad', body))).toBe('400 image_unsafe');
    expect(readdirSync(folder)).toEqual(before);
    const image = (await (await fetch(`${base}/v1/images/bad`, { headers: auth() })).json()) as Image;
    expect(image.status).toEqual({ state: 'empty' });
  });

  test('of an upload that breaks off nothing is kept', async () => {
    await post('/v1/images', { name: 'broken', spec: { source: 'file', format: 'raw' } });
    const before = readdirSync(folder);
    await new Promise<void>((resolve) => {
      const upload = httpRequest(`${base}/v1/images/broken/content`, {
        method: 'PUT',
        headers: { ...auth(), 'content-type': 'application/octet-stream', 'content-length': content.length },
      });
      upload.on('error', () => resolve());
      upload.write(content.subarray(0, 2 ** 20), () => setTimeout(() => upload.destroy(), 50));
    });
    await expect.poll(() => readdirSync(folder)).toEqual(before);
  });
});

describe('tunnels', () => {
  /** An agent that answers every request for a tunnel by echoing. */
  function echoingAgent(over: AbortSignal): Promise<void> {
    return (async () => {
      const { events: requests } = await server.controller.call('watchAssignments', {
        token: agentToken,
        signal: over,
      });
      for await (const { event, data } of requests ?? []) {
        if (event !== 'tunnel') continue;
        const { tunnel, what } = data as TunnelRequest;
        const stream = dial(`/v1/agent/tunnels/${tunnel}`, agentToken);
        stream.write(`${what.kind}:`);
        if (what.kind === 'log') stream.end();
        else stream.pipe(stream);
      }
    })();
  }
  const dial = (path: string, secret: string): Duplex => {
    const stream = createWebSocketStream(
      new WebSocket(base.replace('http', 'ws') + path, { headers: auth(secret) }),
    );
    stream.on('error', () => {});
    return stream;
  };
  const text = async (stream: Duplex, length: number) => {
    let got = '';
    for await (const chunk of stream) {
      got += String(chunk);
      if (got.length >= length) break;
    }
    return got;
  };

  test('join a user’s console to the node, and stream its log', async () => {
    await agent.round();
    const over = new AbortController();
    const echoing = echoingAgent(over.signal);
    const console = dial('/v1/instances/web/console', admin);
    console.write('ls\n');
    expect(await text(console, 11)).toBe('console:ls\n');
    const log = await fetch(`${base}/v1/instances/web/logs`, { headers: auth() });
    expect(await log.text()).toBe('log:');
    over.abort();
    await echoing;
    expect(await problem(fetch(`${base}/v1/instances/web/logs`, { headers: auth() }))).toBe(
      '503 node_unreachable',
    );
  });

  test('are refused with a problem document', async () => {
    const status = (path: string, secret: string) =>
      new Promise((resolve) => {
        const socket = new WebSocket(base.replace('http', 'ws') + path, { headers: auth(secret) });
        socket.on('unexpected-response', (_request, reply) => resolve(reply.statusCode));
        socket.on('error', () => {});
      });
    expect(await status('/v1/instances/web/console', 'wrong')).toBe(401);
    expect(await status('/v1/instances/none/console', admin)).toBe(404);
    expect(await status('/v1/agent/tunnels/none', agentToken)).toBe(404);
    expect(await status('/v1/agent/tunnels/none', admin)).toBe(403);
    expect(await status('/nothing', admin)).toBe(404);
  });
});
