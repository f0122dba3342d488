import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemEnv } from './system-env.ts';

test('what is due in a month is slept for, not asked after again and again', async () => {
  const over = new AbortController();
  const long = systemEnv().clock.sleep(30 * 86_400_000, over.signal);
  long.catch(() => undefined);
  expect(await Promise.race([long.then(() => 'woken'), sleep(50, 'asleep')])).toBe('asleep');
  over.abort();
});
