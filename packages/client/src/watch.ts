/** Changes of resources, gap-free: resumes after the last event seen, reconnects with growing pauses. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isGantryError, type Query } from '@gantry/model';
import type { Client } from './client.ts';
import type { ServerEvent } from './server-events.ts';

/** Pause before a new connection, ms: doubled up to the last, with a random part so that clients do not return together. */
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 15_000;

export const pauseMs = (failures: number, random: () => number = Math.random): number => {
  const full = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10));
  return Math.round(full * (0.5 + random() / 2));
};

export interface WatchOptions {
  signal?: AbortSignal;
  /** Told of every lost connection, before the pause. */
  onLost?: (error: unknown, pauseMs: number) => void;
}

/**
 * Events of `/v1/watch` from a revision on, until the signal aborts.
 * @throws GantryError whatever the API refuses with; `revision_compacted`: list again and watch from there
 */
export async function* watch(
  client: Client,
  query: NonNullable<Query<'watch'>>,
  options: WatchOptions = {},
): AsyncGenerator<ServerEvent> {
  const open = (lastEventId: string | undefined) =>
    client.events('watch', { query }, { ...options, lastEventId });
  yield* resuming(open, options);
}

/** Events of any stream that resumes by the last event's id; `open` connects once. */
export async function* resuming(
  open: (lastEventId: string | undefined) => AsyncIterable<ServerEvent>,
  options: WatchOptions,
): AsyncGenerator<ServerEvent> {
  let last: string | undefined;
  let failures = 0;
  while (!options.signal?.aborted) {
    let lost: unknown = new Error('the server ended the stream');
    try {
      for await (const event of open(last)) {
        last = event.id ?? last;
        failures = 0;
        yield event;
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      if (isGantryError(error) && error.code !== 'api_unreachable') throw error;
      lost = error;
    }
    const pause = pauseMs(failures++);
    options.onLost?.(lost, pause);
    await sleep(pause, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
  }
}
