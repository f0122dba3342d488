import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virErrorDomain, virErrorNumber } from '@gantry/libvirt';
import { type FakeLibvirtd, refusal, startFakeLibvirtd } from '@gantry/libvirt/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSession, type Session } from './session.ts';

const clock = { now: () => 0, bootMs: () => 0, sleep: () => new Promise<void>(() => undefined) };

let dir: string;
let fake: FakeLibvirtd;
let session: Session;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'session-'));
  fake = await startFakeLibvirtd(join(dir, 'sock'));
  session = createSession({ uri: 'qemu:///system', socket: fake.socketPath, clock, log: () => undefined });
});

afterEach(async () => {
  await session.close();
  await fake.stop();
  await rm(dir, { recursive: true });
});

/** The daemon's ends of its connections. */
const connections = async (): Promise<number> => {
  const sockets = await readFile('/proc/net/unix', 'utf8');
  return sockets.split('\n').filter((line) => line.endsWith(fake.socketPath)).length - 1;
};

test('a connection that tells no events is none, and is not left open', async () => {
  const gone: string[] = [];
  session.listen({ connected: () => gone.push('connected') });
  fake.setFault((name) => {
    if (name !== 'connectDomainEventCallbackRegisterAny') return 'answer';
    throw refusal(virErrorNumber.VIR_ERR_INTERNAL_ERROR, virErrorDomain.VIR_FROM_QEMU, 'not now');
  });
  for (let i = 0; i < 5; i++) await expect(session.client()).rejects.toThrow('not now');
  await expect.poll(connections).toBe(0);
  expect(gone).toEqual([]);
  fake.setFault(() => 'answer');
  await session.client();
  expect(gone).toEqual(['connected']);
  await expect.poll(connections).toBe(1);
});

test('a listener that fails costs the connection, not the events for ever', async () => {
  const seen: string[] = [];
  session.listen({
    event: ({ kind }) => {
      seen.push(kind);
      if (seen.length === 1) throw new Error('a bug');
    },
  });
  const reboot = { kind: 'reboot', dom: { name: 'a', uuid: '00000000-0000-4000-8000-000000000001', id: 1 } };
  const first = await session.client();
  fake.emit(reboot as never);
  await first.closed;
  expect(await session.client()).not.toBe(first);
  fake.emit(reboot as never);
  await expect.poll(() => seen).toEqual(['reboot', 'reboot']);
});
