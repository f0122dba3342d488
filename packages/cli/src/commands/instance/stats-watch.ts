/** Counters read again and again, each reading beside the one before, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import { err, type InstanceStats, parseDurationMs, timerMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { parseCount } from '../../parse.ts';
import type { Session } from '../../session.ts';
import type { Flag } from '../../verb.ts';
import type { Reading } from './stats-columns.ts';

const DEFAULT_EVERY_MS = 2000;
/** Nobody reads faster, and every node is asked. */
const LEAST_EVERY_MS = 100;

export const everyFlag: Flag = {
  flags: '--every <duration>',
  description: 'pause between readings, default 2s',
};
export const countFlag: Flag = { flags: '--count <number>', description: 'end after so many readings' };

export async function watchReadings(
  session: Session,
  given: Given,
  read: () => Promise<InstanceStats[]>,
  draw: (readings: readonly Reading[]) => Promise<void>,
): Promise<void> {
  const everyMs = given.put('every', 'every', parsePauseMs).every ?? DEFAULT_EVERY_MS;
  const most = given.put('count', 'count', parseCount).count ?? Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  const off = session.io.onInterrupt(() => stop.abort());
  const before = new Map<string, InstanceStats>();
  try {
    for (let done = 1; ; done++) {
      const readings = (await read()).map((now) => beside(now, before.get(now.instance)));
      before.clear();
      for (const { now } of readings) before.set(now.instance, now);
      await draw(readings);
      if (done >= most || stop.signal.aborted) return;
      await sleep(timerMs(everyMs), undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
    }
  } finally {
    off();
  }
}

/** @throws GantryError `invalid_argument` */
export function parsePauseMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms >= LEAST_EVERY_MS) return ms;
  throw err('invalid_argument', {
    what: `--every ${text}`,
    wanted: `a pause of at least ${LEAST_EVERY_MS} ms`,
  });
}

/** Counters that fell began anew: there is nothing to compare with. */
const beside = (now: InstanceStats, last: InstanceStats | undefined): Reading =>
  last && last.cpu.timeMs <= now.cpu.timeMs ? { now, before: last } : { now };
