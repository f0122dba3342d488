import { Duplex, PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyId } from '@gantry/model';
import { expect, test } from 'vitest';
import { ids } from './testing/assignments.ts';
import { serveTunnel, type TunnelParts } from './tunnels.ts';

/** A user at the other end of the tunnel, and a guest whose console is opened when that is told. */
function tunnel(typedMs: number) {
  const typed: string[] = [];
  const guest = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      typed.push(String(chunk));
      done();
    },
  });
  const user = new PassThrough();
  const [left, opened] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const clock = { sleep: (_ms: number, signal?: AbortSignal) => sleep(typedMs, undefined, { signal }) };
  const parts = {
    env: { clock, log: () => undefined },
    link: { tunnel: async () => ({ bytes: user, closed: left.promise }) },
    guests: { console: () => opened.promise.then(() => guest) },
  } as unknown as TunnelParts;
  const request = { tunnel: ids.disk as unknown as AnyId, what: { kind: 'console', instance: ids.instance } };
  const served = serveTunnel(parts, request as never, new AbortController().signal);
  return { typed, guest, user, left, opened, served };
}

test('who has left before the console was open has typed nevertheless', async () => {
  const { typed, guest, user, left, opened, served } = tunnel(60_000);
  user.end('y');
  left.resolve('');
  await sleep(20);
  opened.resolve();
  await served;
  expect(typed).toEqual(['y']);
  expect(guest.destroyed).toBe(true);
});

test('a connection that is gone without an end is not waited for beyond its time', async () => {
  const { typed, guest, left, opened, served } = tunnel(20);
  opened.resolve();
  left.resolve('');
  await served;
  expect(typed).toEqual([]);
  expect(guest.destroyed).toBe(true);
});
