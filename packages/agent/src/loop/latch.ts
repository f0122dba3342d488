import type { Clock } from '../env.ts';

/** A wake-up that is never lost: set while nobody waits, it lets the next waiter through at once. One waiter at a time. */
export interface Latch {
  set(): void;
  /** Resolves when set; clears it. Rejects when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

/** Waits until the latch is set, but no longer than `ms`. */
export async function waitAtMost(latch: Latch, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const timer = new AbortController();
  clock.sleep(ms, timer.signal).then(
    () => latch.set(),
    () => undefined,
  );
  await latch.wait(signal).finally(() => timer.abort());
}

export function latch(): Latch {
  let isSet = false;
  let wake: (() => void) | undefined;
  return {
    set() {
      isSet = true;
      wake?.();
    },
    async wait(signal) {
      if (!isSet) {
        await new Promise<void>((resolve, reject) => {
          const abort = () => reject(signal.reason);
          if (signal.aborted) return abort();
          signal.addEventListener('abort', abort, { once: true });
          wake = () => {
            signal.removeEventListener('abort', abort);
            resolve();
          };
        });
      }
      wake = undefined;
      isSet = false;
    },
  };
}
