/** Over real TLS on the loopback: who may bring what, and what happens when either side goes away. */
import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskSend } from '@gantry/model';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Identity } from '../identity/identity-files.ts';
import { type TestCa, testCa } from '../testing/test-identity.ts';
import { type Incoming, sinkOf } from './messages.ts';
import type { Outgoing } from './sender.ts';
import { addressOf, type NodeTransfers, nodeTransfers } from './transfers.ts';

const quiet = {
  clock: { now: () => 0, bootMs: () => 0, sleep: async () => undefined },
  log: () => undefined,
};
const [source, target, stranger] = ['1', '2', '3'].map((digit) => digit.repeat(8)) as [
  string,
  string,
  string,
];
const disk = '00000000-0000-4000-8000-000000000001';
const ticket = 't'.repeat(43);
const { signal } = new AbortController();

let ca: TestCa;
let identities: Record<'source' | 'target' | 'stranger', Identity>;
let foreign: Identity;
let dir: string;
let port: number;
let receiver: NodeTransfers;
let sender: NodeTransfers;

beforeAll(async () => {
  ca = testCa();
  identities = {
    source: ca.identity(source, 'n1'),
    target: ca.identity(target, 'n2'),
    stranger: ca.identity(stranger, 'n3'),
  };
  const other = testCa();
  foreign = other.identity(source, 'n1');
  other.remove();
  dir = await mkdtemp(join(tmpdir(), 'gantry-transfers-'));
});
afterAll(async () => {
  ca.remove();
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  // somebody else may take a port that was free a moment ago
  do {
    port = await freePort();
    receiver = nodeTransfers(quiet, port);
    await receiver.use(identities.target);
  } while (!receiver.endpoint());
  sender = nodeTransfers(quiet, 0);
  await sender.use(identities.source);
});
afterEach(() => {
  receiver.close();
  sender.close();
});

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });

const order = (more: Partial<DiskSend> = {}): DiskSend => ({
  to: target as never,
  name: 'n2',
  at: { address: '127.0.0.1', port },
  ticket,
  operation: disk as never,
  ...more,
});
const expected = (more: object = {}) => ({
  disk,
  from: source,
  ticketSha256: createHash('sha256').update(ticket).digest('hex'),
  hasBase: async () => false,
  ...more,
});

async function fileOf(text: string): Promise<Outgoing> {
  const path = join(dir, `out-${createHash('sha256').update(text).digest('hex')}`);
  await writeFile(path, text);
  return { head: { what: 'disk' }, path };
}

/** Takes one file. */
const into = (path: string) => async (incoming: Incoming) => {
  expect(await incoming.next()).toMatchObject({ what: 'disk' });
  const file = await open(path, 'w');
  try {
    await incoming.writeTo(sinkOf(file));
  } finally {
    await file.close();
  }
  expect(await incoming.next()).toBeUndefined();
};
const nothing = () => undefined;
const send = async (text: string, more: Partial<DiskSend> = {}, by = sender) =>
  by.send({ disk, called: 'web1:0', send: order(more), files: [await fileOf(text)] }, nothing, signal);

test('a node says where it takes disks, by its certificate', () => {
  expect(receiver.endpoint()).toEqual({ address: '127.0.0.1', port });
  expect(sender.endpoint()).toBeUndefined();
  expect(addressOf(identities.target)).toBe('127.0.0.1');
});

test('a disk that is expected comes', async () => {
  const path = join(dir, 'in');
  const came = receiver.receive(expected(), into(path), signal);
  await send('content');
  await came;
  expect(await readFile(path, 'utf8')).toBe('content');
  // the answer got lost: asked again it is there
  await send('content');
});

test('its name is told, and how much went over: zeros are not among it', async () => {
  const path = join(dir, 'in');
  const said: string[] = [];
  const log = (_: string, words: string) => said.push(words);
  const zeros = '\0'.repeat(2 ** 20);
  const wanted = {
    disk,
    called: 'web1:0',
    send: order(),
    files: [await fileOf(`${zeros}${'x'.repeat(512)}`)],
  };
  const came = receiver.receive(expected(), into(path), signal);
  await sender.send(wanted, log, signal);
  await came;
  await sender.send(wanted, log, signal);
  expect(said).toEqual([
    expect.stringMatching(/^disk web1:0 was sent to \S+: 512 B$/),
    expect.stringMatching(/^disk web1:0 is at \S+ already$/),
  ]);
});

test.each([
  ['another ticket', { ticket: 'x'.repeat(43) }, 'source', /not expected/],
  ['another node’s certificate', {}, 'stranger', /not expected/],
  ['a target of another name', { name: 'n9' }, 'source', /n9/],
] as const)('%s is refused, and the right one still may', async (_what, more, who, words) => {
  const path = join(dir, 'in');
  const came = receiver.receive(expected(), into(path), signal);
  const by = nodeTransfers(quiet, 0);
  await by.use(identities[who]);
  await expect(send('evil', more, by)).rejects.toMatchObject({
    code: 'transfer_failed',
    message: expect.stringMatching(words),
  });
  await send('good');
  await came;
  expect(await readFile(path, 'utf8')).toBe('good');
});

test('what is not expected, is refused', async () => {
  await expect(send('early')).rejects.toMatchObject({ message: expect.stringMatching(/not expected/) });
});

test('a certificate of another authority does not get as far as asking', async () => {
  const by = nodeTransfers(quiet, 0);
  await by.use({ ...foreign, ca: identities.source.ca });
  await expect(send('evil', {}, by)).rejects.toMatchObject({ code: 'transfer_failed' });
});

test.each(['GET', 'PUT', 'DELETE'])('%s of a host certificate is not an agent’s', async (method) => {
  const came = receiver.receive(expected(), into(join(dir, 'in')), signal);
  came.catch(() => undefined);
  const { ca: authority, host } = identities.source;
  const status = await new Promise((resolve, reject) => {
    request({
      ...{ method, port, host: '127.0.0.1', servername: 'n2', ca: authority, ...host },
      path: `/v1/disks/${disk}`,
      headers: { 'gantry-ticket': ticket },
    })
      .on('response', (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(method === 'DELETE' ? 404 : 403);
});

test.each([
  [true, ['disk']],
  [false, ['base', 'disk']],
])('a base comes along unless it is there already (%s)', async (there, wanted) => {
  const sha256 = 'a'.repeat(64);
  const base = { ...(await fileOf('base')), head: { what: 'base' as const, sha256 } };
  const heads: string[] = [];
  const all = async (incoming: Incoming) => {
    for (let head = await incoming.next(); head; head = await incoming.next()) {
      heads.push(head.what);
      await incoming.skip();
    }
  };
  const came = receiver.receive(expected({ hasBase: async () => there }), all, signal);
  await sender.send(
    { disk, called: 'web1:0', send: order(), files: [base, await fileOf('overlay')] },
    nothing,
    signal,
  );
  await came;
  expect(heads).toEqual(wanted);
});

test('a source that goes away in the middle ends the taking in, and it may be tried again', async () => {
  const path = join(dir, 'in');
  const stop = new AbortController();
  const big = join(dir, 'big');
  await writeFile(big, Buffer.alloc(64 * 2 ** 20, 'x'));
  const slowly = async (incoming: Incoming) => {
    await incoming.next();
    stop.abort(new Error('killed'));
    const file = await open(path, 'w');
    try {
      await incoming.writeTo(sinkOf(file));
    } finally {
      await file.close();
    }
  };
  const came = receiver.receive(expected(), slowly, signal);
  const sending = sender.send(
    { disk, called: 'web1:0', send: order(), files: [{ head: { what: 'disk' }, path: big }] },
    nothing,
    stop.signal,
  );
  await Promise.all([
    expect(sending).rejects.toThrow('killed'),
    expect(came).rejects.toMatchObject({ code: 'transfer_failed' }),
  ]);
  const again = receiver.receive(expected(), into(path), signal);
  await send('again');
  await again;
  expect(await readFile(path, 'utf8')).toBe('again');
});

test('a target that does not want it any more ends the sending', async () => {
  const stop = new AbortController();
  const big = join(dir, 'big');
  await writeFile(big, Buffer.alloc(64 * 2 ** 20, 'x'));
  const came = receiver.receive(
    expected(),
    async (incoming) => {
      await incoming.next();
      stop.abort(new Error('cancelled'));
      await incoming.skip();
    },
    stop.signal,
  );
  const files = [{ head: { what: 'disk' as const }, path: big }];
  const sending = sender.send({ disk, called: 'web1:0', send: order(), files }, nothing, signal);
  await Promise.all([
    expect(came).rejects.toThrow('cancelled'),
    expect(sending).rejects.toMatchObject({ code: 'transfer_failed' }),
  ]);
});

test('why it cannot be taken is told to both sides', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const came = receiver.receive(expected(), () => Promise.reject(full), signal);
  const sending = send('content');
  await Promise.all([
    expect(came).rejects.toBe(full),
    expect(sending).rejects.toMatchObject({ code: 'transfer_failed' }),
  ]);
});

test('certificates are renewed while it listens', async () => {
  const path = join(dir, 'in');
  await receiver.use(ca.identity(target, 'n2'));
  const came = receiver.receive(expected(), into(path), signal);
  await send('renewed');
  await came;
});

test('a port that is taken is not fatal: the node takes no disks', async () => {
  const second = nodeTransfers(quiet, port);
  await second.use(identities.stranger);
  expect(second.endpoint()).toBeUndefined();
  expect(second.canSend()).toBe(true);
});
