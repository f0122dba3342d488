import { setTimeout as sleep } from 'node:timers/promises';

/**
 * No measure of anything: what is waited for comes, on a machine that others load many times later. The limit is for what
 * never comes, and below that of a test, so that it says what it was.
 */
export const LIMIT_MS = 600_000;

/** Where no pause is given. A look costs a process, often enough: the longer it takes, the longer the pauses. */
const [firstMs, longestMs, slower] = [100, 1000, 1.2];

/**
 * Polls until `look` gives something other than undefined or false. What passes by again is looked for with `everyMs`.
 * @throws when nothing comes within `limitMs`
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { limitMs = LIMIT_MS, everyMs }: { limitMs?: number; everyMs?: number } = {},
): Promise<T> {
  let last: unknown;
  let pauseMs = everyMs ?? firstMs;
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(pauseMs)) {
    const seen = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => {
        last = error;
        return undefined;
      });
    if (seen !== undefined && seen !== false) return seen;
    pauseMs = everyMs ?? Math.min(longestMs, pauseMs * slower);
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause: last });
}
