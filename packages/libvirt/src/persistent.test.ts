import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectPersistent, type Lost, type PersistentClient, type PersistentOptions } from './persistent.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from './testing/fake-libvirtd.ts';

const dom = { name: 'a', uuid: randomUUID(), id: 1 };

let dir: string;
let fake: FakeLibvirtd;
let lost: Lost[];
let retries: number;
let back: (() => void)[];
const open: PersistentClient[] = [];

const start = async (): Promise<void> => {
  fake = await startFakeLibvirtd(join(dir, 's'), { connectGetType: () => 'QEMU' });
};

async function persistent(options: PersistentOptions = {}): Promise<PersistentClient> {
  const lv = await connectPersistent(`qemu:///system?socket=${join(dir, 's')}`, {
    backoff: { firstMs: 5, maxMs: 20 },
    onLost: (what) => lost.push(what),
    onRetry: () => {
      retries += 1;
    },
    onReconnected: () => {
      for (const wake of back.splice(0)) wake();
    },
    ...options,
  });
  open.push(lv);
  return lv;
}

const reconnected = (): Promise<void> => new Promise((resolve) => back.push(resolve));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'persistent-'));
  lost = [];
  back = [];
  retries = 0;
  await start();
});

afterEach(async () => {
  for (const lv of open.splice(0)) await lv.close();
  await fake.stop();
  await rm(dir, { recursive: true });
});

describe('calls', () => {
  test('the first connection must come about', async () => {
    await fake.stop();
    await expect(persistent()).rejects.toMatchObject({ code: 'CONNECT' });
  });

  test('one without an answer fails and is told of; the next waits for the new connection', async () => {
    const lv = await persistent();
    fake.setFault((name) => (name === 'domainDestroyFlags' ? 'ignore' : 'answer'));
    const call = lv.domainDestroyFlags({ dom });
    const failed = expect(call).rejects.toMatchObject({ code: 'PEER_CLOSED', outcome: 'unknown' });
    await lv.connectGetType();
    fake.dropConnections();
    await failed;
    expect(lost).toMatchObject([{ calls: ['domainDestroyFlags'], streams: 0 }]);
    expect(lv.isConnected).toBe(false);
    expect(await lv.connectGetType()).toBe('QEMU');
    expect(fake.calls.filter(({ name }) => name === 'domainDestroyFlags')).toEqual([]);
  });

  test('while nobody answers they end with their deadline, and were never sent', async () => {
    const lv = await persistent({ waitMs: 60_000 });
    await fake.stop();
    await expect.poll(() => lv.isConnected).toBe(false);
    const late = lv.connectGetType({}, { timeoutMs: 30 });
    await expect(late).rejects.toMatchObject({
      code: 'TIMEOUT',
      outcome: 'not-sent',
      call: 'connectGetType',
    });
    const aborted = lv.connectGetType({}, { signal: AbortSignal.timeout(10) });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', outcome: 'not-sent' });
    const waiting = lv.connectGetType();
    await expect.poll(() => retries).toBeGreaterThan(2);
    await start();
    expect(await waiting).toBe('QEMU');
  });

  test('closing ends those that wait, and all attempts', async () => {
    const lv = await persistent();
    await fake.stop();
    await expect.poll(() => lv.isConnected).toBe(false);
    const waiting = expect(lv.connectGetType()).rejects.toMatchObject({ code: 'CLOSED' });
    await lv.close();
    await waiting;
    await expect(lv.connectGetType()).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-sent' });
    const before = retries;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(retries).toBe(before);
  });

  test('what its listeners throw stops nothing', async () => {
    const told: string[] = [];
    const failing = (name: string) => () => {
      told.push(name);
      throw new Error(name);
    };
    const lv = await persistent({
      onLost: failing('lost'),
      onRetry: failing('retry'),
      onReconnected: failing('back'),
    });
    await fake.stop();
    await expect.poll(() => told.slice(0, 3)).toEqual(['lost', 'retry', 'retry']);
    await start();
    expect(await lv.connectGetType()).toBe('QEMU');
    expect(told.filter((name) => name !== 'retry')).toEqual(['lost', 'back']);
  });

  test('closing waits for no server that is silent about events', async () => {
    const lv = await persistent({ keepAlive: false });
    const events = lv.domainEvents(['reboot']);
    await events.ready;
    let asked = false;
    fake.setFault((name) => {
      asked ||= name === 'connectDomainEventCallbackRegisterAny';
      return asked ? 'ignore' : 'answer';
    });
    fake.dropConnections();
    await expect.poll(() => asked).toBe(true);
    await lv.close();
    expect(await events.next()).toMatchObject({ done: true });
  });

  test('a stream breaks with its connection and is counted', async () => {
    fake.on('domainOpenConsole', () => ({}));
    const lv = await persistent();
    const { closed } = await lv.domainOpenConsole({ dom });
    fake.dropConnections();
    await expect(closed).rejects.toMatchObject({ code: 'PEER_CLOSED' });
    await expect.poll(() => lost.length).toBe(1);
    expect((await lv.domainOpenConsole({ dom })).result).toBeUndefined();
  });
});

describe('events', () => {
  test('go on after the loss, with a mark where they were lost', async () => {
    const lv = await persistent();
    const events = lv.domainEvents(['reboot', 'lifecycle']);
    await events.ready;
    fake.emit({ kind: 'reboot', dom });
    expect((await events.next()).value).toEqual({ kind: 'reboot', dom });
    const again = reconnected();
    fake.dropConnections();
    await again;
    fake.emit({ kind: 'lifecycle', dom, event: 2, detail: 0 });
    expect((await events.next()).value).toMatchObject({
      kind: 'reconnected',
      reason: { code: 'PEER_CLOSED' },
      downMs: expect.any(Number),
    });
    expect((await events.next()).value).toMatchObject({ kind: 'lifecycle', event: 2 });
  });

  test('a loop begun while there is no connection begins with the next', async () => {
    const lv = await persistent();
    await fake.stop();
    await expect.poll(() => lv.isConnected).toBe(false);
    const events = lv.domainEvents(['reboot']);
    await start();
    await events.ready;
    fake.emit({ kind: 'reboot', dom });
    const seen: string[] = [];
    for await (const event of events) {
      seen.push(event.kind);
      if (event.kind === 'reboot') break;
    }
    expect(seen.at(-1)).toBe('reboot');
  });

  test('a loop that was left is not registered again, nor one whose signal fired', async () => {
    const lv = await persistent();
    const control = new AbortController();
    const left = lv.domainEvents(['reboot']);
    const stopped = lv.networkEvents(['lifecycle'], { signal: control.signal });
    await Promise.all([left.ready, stopped.ready]);
    await left.return?.();
    control.abort();
    const again = reconnected();
    fake.dropConnections();
    await again;
    expect(await stopped.next()).toEqual({ done: true, value: undefined });
    expect(await left.next()).toEqual({ done: true, value: undefined });
  });

  test('a slow consumer keeps one mark and one count, however often the connection goes', async () => {
    const lv = await persistent();
    const events = lv.domainEvents(['reboot'], { queueLimit: 2 });
    await events.ready;
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 4; index++) fake.emit({ kind: 'reboot', dom });
      await lv.connectGetType();
      const again = reconnected();
      fake.dropConnections();
      await again;
    }
    const kinds: string[] = [];
    for (let index = 0; index < 4; index++) kinds.push((await events.next()).value.kind);
    expect(kinds).toEqual(['reboot', 'reboot', 'missed', 'reconnected']);
  });

  test('closing ends them quietly', async () => {
    const lv = await persistent();
    const events = lv.domainEvents(['reboot']);
    await events.ready;
    const next = events.next();
    await lv.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});
