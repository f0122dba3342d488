import { createHash } from 'node:crypto';
import type { Env } from '../env.ts';

/** A clock that stands still until told, ids and bytes from a counter: the same in every run. */
export interface TestEnv extends Env {
  /** Lets time pass and everything that waits for it run. */
  pass(ms: number): Promise<void>;
}

interface Sleeper {
  atMs: number;
  wake(): void;
}

export function testEnv(startMs = Date.UTC(2026, 0, 1)): TestEnv {
  let nowMs = startMs;
  let count = 0;
  const sleepers = new Set<Sleeper>();
  const bytes = (length: number) => {
    const digest = createHash('sha256').update(String(count++)).digest();
    return Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, () => digest)).subarray(0, length);
  };
  return {
    clock: {
      now: () => nowMs,
      sleep: (ms, signal) =>
        new Promise<void>((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason as Error);
          const sleeper: Sleeper = { atMs: nowMs + ms, wake: () => resolve() };
          sleepers.add(sleeper);
          signal?.addEventListener('abort', () => {
            sleepers.delete(sleeper);
            reject(signal.reason as Error);
          });
        }),
    },
    randomBytes: bytes,
    uuid: () =>
      bytes(16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    addressesOf: async () => [],
    log: () => {},
    async pass(ms) {
      nowMs += ms;
      for (const sleeper of sleepers) {
        if (sleeper.atMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await settle();
    },
  };
}

/** Until everything that needs no time has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
