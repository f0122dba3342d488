import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `look` gives something other than undefined or false. @throws when it does not within `limitMs` */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { limitMs = 60_000, everyMs = 100 } = {},
): Promise<T> {
  let last: unknown;
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(everyMs)) {
    const seen = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => {
        last = error;
        return undefined;
      });
    if (seen !== undefined && seen !== false) return seen;
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause: last });
}
