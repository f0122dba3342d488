/** The real `Clock` and `Env`: the only place of the agent where time, randomness and the log come from the system. */
import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { timerMs } from '@gantry/model';
import type { Clock, Env } from '../env.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  // process.hrtime is CLOCK_MONOTONIC, which stands still in suspend. /proc/uptime is CLOCK_BOOTTIME, in 10 ms steps.
  bootMs: () => parseUptimeMs(readFileSync('/proc/uptime', 'utf8')),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await sleep(timerMs(Math.max(ms, 0)), undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted(); // with the signal's own reason, not Node's AbortError
      throw error;
    }
  },
};

/** "12345.67 23456.78" (uptime and idle time, s) to ms. */
export function parseUptimeMs(text: string): number {
  const match = /^(\d+)\.(\d\d) /.exec(text);
  if (!match) throw new Error(`/proc/uptime is not as expected: ${text.slice(0, 40)}`);
  return Number(match[1]) * 1000 + Number(match[2]) * 10;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/** The agent's `Env` on a real machine. Log lines below `level` are dropped; the others go to `write`, stderr by default. */
export function systemEnv({
  level = 'info',
  write = (line) => process.stderr.write(line),
}: {
  level?: Level;
  write?: (line: string) => void;
} = {}): Env {
  return {
    clock: systemClock,
    random: () => randomInt(2 ** 47) / 2 ** 47,
    uuid: () => randomUUID(),
    log(at, message, fields = {}) {
      if (levels.indexOf(at) < levels.indexOf(level)) return;
      write(logLine(new Date(systemClock.now()), at, message, fields));
    },
  };
}

/** One line, whatever a field holds: values are JSON, so that control characters of a guest never reach a terminal. */
export const logLine = (
  at: Date,
  level: Level,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): string =>
  `${at.toISOString()} ${level} ${printable(message)}${Object.entries(fields)
    .map(([key, value]) => ` ${key}=${printable(JSON.stringify(value) ?? 'undefined')}`)
    .join('')}\n`;

const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
