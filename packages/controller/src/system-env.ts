import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { timerMs } from '@gantry/model';
import type { Env, LogLevel } from './env.ts';
import { resolver } from './networks/resolver.ts';

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** The real world. Log lines go to stderr as JSON, one a line. */
export function systemEnv(minimum: LogLevel = 'info'): Env {
  return {
    clock: {
      now: () => Date.now(),
      sleep: (ms, signal) => sleep(timerMs(ms), undefined, signal ? { signal } : {}),
    },
    randomBytes: (length) => randomBytes(length),
    uuid: () => randomUUID(),
    addressesOf: resolver(),
    log(level, message, fields) {
      if (levels.indexOf(level) < levels.indexOf(minimum)) return;
      process.stderr.write(
        `${JSON.stringify({ at: new Date().toISOString(), level, message, ...fields })}\n`,
      );
    },
  };
}
