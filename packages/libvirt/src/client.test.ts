import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, type LibvirtClient } from './client.ts';
import { LibvirtError } from './errors.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from './testing/fake-libvirtd.ts';
import { type FakeStreamPeer, refusal } from './testing/fake-session.ts';

const MIB = 2 ** 20;

let dir: string;
let fake: FakeLibvirtd;
let lv: LibvirtClient;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'client-'));
  fake = await startFakeLibvirtd(join(dir, 's'));
  lv = await connect({ socket: fake.socketPath, uri: 'qemu:///system' });
});

afterEach(async () => {
  await lv.close();
  await fake.stop();
  await rm(dir, { recursive: true });
});

const dom = { name: 'a', uuid: randomUUID(), id: 1 };
const other = { name: 'b', uuid: randomUUID(), id: 2 };
const vol = { pool: 'p', name: 'v', key: '/v' };

async function readAll(readable: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.each([2 ** 31, Number.POSITIVE_INFINITY])(
  'deadlines of %s ms are no reason to give up at once',
  async (ms) => {
    fake.on('connectGetHostname', async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return 'host';
    });
    const patient = await connect('qemu:///system', {
      ...{ socket: fake.socketPath, connectTimeoutMs: ms, callTimeoutMs: ms },
      keepAlive: { intervalMs: ms, count: 1 },
    });
    expect(await patient.connectGetHostname()).toBe('host');
    expect(await lv.connectGetHostname({}, { timeoutMs: ms })).toBe('host');
    await patient.close();
  },
);

describe('events', () => {
  test('several loops share one registration, and each gets what it asked for', async () => {
    const all = lv.domainEvents(['lifecycle', 'reboot']);
    const one = lv.domainEvents(['lifecycle'], { dom: other });
    await Promise.all([all.ready, one.ready]);
    fake.emit({ kind: 'lifecycle', dom, event: 2, detail: 0 });
    fake.emit({ kind: 'reboot', dom });
    fake.emit({ kind: 'watchdog', dom, action: 1 });
    fake.emit({ kind: 'lifecycle', dom: other, event: 5, detail: 1 });
    expect((await all.next()).value).toEqual({ kind: 'lifecycle', dom, event: 2, detail: 0 });
    expect((await all.next()).value).toEqual({ kind: 'reboot', dom });
    expect((await all.next()).value).toMatchObject({ kind: 'lifecycle', dom: other });
    expect((await one.next()).value).toMatchObject({ kind: 'lifecycle', dom: other, event: 5 });
  });

  test('a signal ends the loop quietly', async () => {
    const control = new AbortController();
    const seen: string[] = [];
    const events = lv.domainEvents(['reboot'], { signal: control.signal });
    await events.ready;
    fake.emit({ kind: 'reboot', dom });
    for await (const event of events) {
      seen.push(event.kind);
      control.abort();
    }
    expect(seen).toEqual(['reboot']);
  });

  test('a lost connection ends the loop with an error, closing without one', async () => {
    const lost = lv.domainEvents(['reboot']);
    await lost.ready;
    const waiting = expect(lost.next()).rejects.toMatchObject({ code: 'PEER_CLOSED' });
    fake.dropConnections();
    await waiting;
    lv = await connect({ socket: fake.socketPath, uri: 'qemu:///system' });
    const closed = lv.domainEvents(['reboot']);
    await closed.ready;
    const end = closed.next();
    await lv.close();
    expect(await end).toEqual({ done: true, value: undefined });
  });

  test('a slow consumer learns how much it missed', async () => {
    const events = lv.domainEvents(['reboot', 'lifecycle'], { queueLimit: 2 });
    await events.ready;
    for (let index = 0; index < 5; index++) fake.emit({ kind: 'reboot', dom });
    // The server sends in order: once this answer is here all five are.
    await lv.connectGetType().catch(() => {});
    const kinds = [await events.next(), await events.next(), await events.next()].map(({ value }) => value);
    expect(kinds.map((event) => event.kind)).toEqual(['reboot', 'reboot', 'missed']);
    expect(kinds[2]).toEqual({ kind: 'missed', count: 3 });
  });

  test('a kind there is not is refused at once', () => {
    expect(() => lv.domainEvents(['toString' as 'reboot'])).toThrow(/no domain event kind/);
  });
});

describe('streams', () => {
  test('a download arrives whole, and the confirmation is awaited', async () => {
    const content = Buffer.alloc(3 * MIB + 5, 'abc');
    fake.on('storageVolDownload', () => ({
      open(peer) {
        for (let at = 0; at < content.length; at += 65_536) peer.send(content.subarray(at, at + 65_536));
        peer.end();
      },
    }));
    const { readable, closed } = await lv.storageVolDownload({ vol, offset: 0, length: 0 });
    expect((await readAll(readable)).equals(content)).toBe(true);
    await closed;
  });

  test('an upload is cut into packets and ends when the server has it', async () => {
    const received: Uint8Array[] = [];
    let finished = false;
    fake.on('storageVolUpload', () => ({
      data: (bytes) => void received.push(bytes),
      finished: () => {
        finished = true;
      },
    }));
    const { writable } = await lv.storageVolUpload({ vol, offset: 0, length: 0 });
    const writer = writable.getWriter();
    const content = Buffer.alloc(MIB, 'xyz');
    await writer.write(content);
    await writer.close();
    expect(finished).toBe(true);
    expect(received.length).toBe(5);
    expect(Buffer.concat(received).equals(content)).toBe(true);
  });

  test('a stream that nobody reads yet holds up no call, and loses nothing', async () => {
    let sent = 0;
    fake.on('storageVolDownload', () => ({
      open(peer) {
        const block = Buffer.alloc(65_536);
        for (let index = 0; index < 512; index++) {
          peer.send(block);
          sent += block.length;
        }
        peer.end();
      },
    }));
    fake.on('connectGetType', () => 'QEMU');
    const { readable } = await lv.storageVolDownload({ vol, offset: 0, length: 0 });
    expect(await lv.connectGetType()).toBe('QEMU');
    const reader = readable.getReader();
    let got = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      got += value.length;
    }
    expect(got).toBe(sent);
  });

  test('the result of a call with a stream comes with it', async () => {
    fake.on('domainScreenshot', () => ({ result: 'image/png', open: (peer) => peer.end() }));
    const { result, readable } = await lv.domainScreenshot({ dom, screen: 0 });
    expect(result).toBe('image/png');
    expect((await readAll(readable)).length).toBe(0);
  });

  test("the server's error ends both sides", async () => {
    let peer: FakeStreamPeer | undefined;
    fake.on('domainOpenConsole', () => ({
      open(opened) {
        peer = opened;
      },
    }));
    const { readable, writable, closed } = await lv.domainOpenConsole({ dom });
    peer?.fail(refusal(38, 10, 'the console broke'));
    await expect(readAll(readable)).rejects.toBeInstanceOf(LibvirtError);
    await expect(closed).rejects.toThrow('the console broke');
    await expect(writable.getWriter().write(Buffer.from('x'))).rejects.toThrow('the console broke');
  });

  test('a refused call opens nothing', async () => {
    await expect(lv.domainOpenConsole({ dom })).rejects.toMatchObject({ codeName: 'VIR_ERR_NO_SUPPORT' });
  });

  test('a lost connection, an abort and closing the client end a stream', async () => {
    fake.on('domainOpenConsole', () => ({}));
    const lost = await lv.domainOpenConsole({ dom });
    fake.dropConnections();
    await expect(lost.closed).rejects.toMatchObject({ code: 'PEER_CLOSED' });
    lv = await connect({ socket: fake.socketPath, uri: 'qemu:///system' });
    const aborted = await lv.domainOpenConsole({ dom });
    aborted.abort(new Error('enough'));
    await expect(aborted.closed).rejects.toMatchObject({ code: 'ABORTED' });
    const open = await lv.domainOpenConsole({ dom });
    await lv.close();
    await expect(open.closed).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(lv.domainOpenConsole({ dom })).rejects.toMatchObject({
      code: 'CLOSED',
      outcome: 'not-sent',
    });
  });
});

describe('calls', () => {
  test('arguments may be left out where they all may, and reach the server with their defaults', async () => {
    fake.on('connectListAllDomains', () => [dom]);
    expect(await lv.connectListAllDomains()).toEqual([dom]);
    expect(fake.calls.at(-1)).toEqual({ name: 'connectListAllDomains', args: { needResults: 1, flags: 0 } });
  });

  test('calls that insist on a count are asked twice', async () => {
    const stats = [{ field: 'idle', value: 5n }];
    fake.on('nodeGetCpuStats', () => stats);
    expect(await lv.nodeGetCpuStats({ cpuNum: -1 })).toEqual(stats);
    expect(fake.calls.map(({ args }) => args)).toMatchObject([{ nparams: 0 }, { nparams: 1 }]);
  });

  test('by name it is the same call', async () => {
    fake.on('connectGetHostname', () => 'host');
    expect(await lv.call('connectGetHostname')).toBe('host');
    await expect(lv.call('nope' as 'connectGetHostname')).rejects.toThrow(/no call named/);
  });
});
