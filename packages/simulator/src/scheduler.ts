/**
 * Virtual time. Nothing happens between two events; after each, promises run until nothing is left to run.
 * Events at the same time are ordered by the seed, so that different seeds see different interleavings.
 */
import type { Random } from './random.ts';

interface Event {
  at: number;
  tie: number;
  order: number;
  run: () => void;
}

export interface Scheduler {
  now(): number;
  at(delayMs: number, run: () => void): () => void;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs events until the condition holds. @returns false when the time limit came first. */
  until(condition: () => boolean, limitMs: number): Promise<boolean>;
}

export function scheduler(random: Random, startMs = Date.UTC(2026, 0, 1)): Scheduler {
  const queue: Event[] = [];
  let time = startMs;
  let order = 0;

  const at = (delayMs: number, run: () => void): (() => void) => {
    const event: Event = { at: time + Math.max(0, delayMs), tie: random.next(), order: order++, run };
    queue.splice(position(queue, event), 0, event);
    return () => {
      const index = queue.indexOf(event);
      if (index >= 0) queue.splice(index, 1);
    };
  };

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = at(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    });

  const until = async (condition: () => boolean, limitMs: number): Promise<boolean> => {
    const end = time + limitMs;
    await settle();
    while (!condition()) {
      const event = queue.shift();
      if (!event || event.at > end) {
        if (event) queue.unshift(event);
        time = end;
        return condition();
      }
      time = event.at;
      event.run();
      await settle();
    }
    return true;
  };

  return { now: () => time, at, sleep, until };
}

function position(queue: readonly Event[], event: Event): number {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(queue[middle] as Event, event)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const before = (a: Event, b: Event): boolean =>
  a.at - b.at < 0 || (a.at === b.at && (a.tie < b.tie || (a.tie === b.tie && a.order < b.order)));

/** Promises that are ready run before the immediate; a few turns cover chains that themselves wait for one. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
