/** What stays behind after many calls and many connections. The long form has the figures of the documentation. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../src/client.ts';
import { connectPersistent } from '../src/persistent.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../src/testing/fake-libvirtd.ts';

const LONG = process.env['GANTRY_TEST_LONG'] !== undefined;
const CALLS = LONG ? 100_000 : 10_000;
const RECONNECTIONS = LONG ? 1_000 : 100;
/** Garbage collection is not exact: what a leak of 100 bytes a call, or 5 KiB a connection, would add. */
const CALLS_GROWTH_MAX = CALLS * 100;
const RECONNECTIONS_GROWTH_MAX = RECONNECTIONS * 5_000 + 500_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let dir: string;
let fake: FakeLibvirtd;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'leak-'));
  fake = await startFakeLibvirtd(join(dir, 's'));
  fake.on('connectGetHostname', () => 'host');
});

afterEach(async () => {
  await fake.stop();
  await rm(dir, { recursive: true });
});

async function heapBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

/** The fake remembers every call that it received. */
const forget = (): void => void (fake.calls as unknown[]).splice(0);

test(`${CALLS} calls leave nothing behind`, { timeout: 900_000 }, async () => {
  const lv = await connect('qemu:///system', { socket: fake.socketPath });
  const signal = new AbortController().signal;
  const work = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 100) {
      await Promise.all(
        Array.from({ length: 99 }, () => lv.connectGetHostname({}, { signal, timeoutMs: 60_000 })),
      );
      await lv.connectGetType().catch(() => {});
      forget();
    }
  };
  await work(CALLS / 10);
  const before = await heapBytes();
  await work(CALLS);
  const growth = (await heapBytes()) - before;
  if (LONG) console.log(`${CALLS} calls: heap ${(growth / 1_024).toFixed(0)} KiB`);
  expect(growth).toBeLessThan(CALLS_GROWTH_MAX);
  await lv.close();
});

test(`${RECONNECTIONS} reconnections leave nothing behind`, { timeout: 900_000 }, async () => {
  let back: () => void = () => {};
  const lv = await connectPersistent(`qemu:///system?socket=${fake.socketPath}`, {
    backoff: { firstMs: 1, maxMs: 2 },
    onReconnected: () => back(),
    signal: new AbortController().signal,
  });
  const events = lv.domainEvents(['lifecycle', 'reboot'], { queueLimit: 10 });
  await events.ready;
  const work = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) {
      const again = new Promise<void>((resolve) => {
        back = resolve;
      });
      fake.dropConnections();
      await again;
      fake.emit({ kind: 'reboot', dom: { name: 'a', uuid: randomUUID(), id: 1 } });
      await lv.connectGetHostname();
      forget();
    }
  };
  await work(RECONNECTIONS / 10);
  const [before, filesBefore] = [await heapBytes(), await openFiles()];
  await work(RECONNECTIONS);
  const growth = (await heapBytes()) - before;
  if (LONG) console.log(`${RECONNECTIONS} reconnections: heap ${(growth / 1_024).toFixed(0)} KiB`);
  expect(growth).toBeLessThan(RECONNECTIONS_GROWTH_MAX);
  expect(await openFiles()).toBeLessThanOrEqual(filesBefore + 2);
  await lv.close();
});

test(`${RECONNECTIONS * 20} event loops that are left leave nothing behind`, {
  timeout: 900_000,
}, async () => {
  const lv = await connect('qemu:///system', { socket: fake.socketPath });
  const signal = new AbortController().signal;
  const work = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) {
      const events = lv.domainEvents(['lifecycle'], { signal });
      await events.ready;
      await events.return?.();
    }
    forget();
  };
  const loops = RECONNECTIONS * 20;
  await work(loops / 10);
  const before = await heapBytes();
  await work(loops);
  const growth = (await heapBytes()) - before;
  if (LONG) console.log(`${loops} event loops: heap ${(growth / 1_024).toFixed(0)} KiB`);
  expect(growth).toBeLessThan(loops * 100);
  await lv.close();
});
