import { describe, expect, it } from 'vitest';
import { logLine, parseUptimeMs, systemClock, systemEnv } from './clock.ts';

describe('systemClock', () => {
  it('reads boot time in ms', () => {
    expect(parseUptimeMs('12345.67 23456.78\n')).toBe(12_345_670);
    expect(() => parseUptimeMs('')).toThrow('/proc/uptime');
  });

  it('goes on by itself', async () => {
    const [boot, wall] = [systemClock.bootMs(), systemClock.now()];
    await systemClock.sleep(50);
    // no matter how far: a timer counts from the beginning of its turn of the event loop, and wall time is set by others
    await expect.poll(() => systemClock.bootMs()).toBeGreaterThan(boot);
    await expect.poll(() => systemClock.now()).toBeGreaterThan(wall);
  });

  it('rejects with the reason of the signal, before and during the sleep', async () => {
    await expect(systemClock.sleep(1000, AbortSignal.abort('gone'))).rejects.toBe('gone');
    const abort = new AbortController();
    const slept = systemClock.sleep(60_000, abort.signal);
    abort.abort('stop');
    await expect(slept).rejects.toBe('stop');
  });

  it('does not take a very long sleep for none', async () => {
    const abort = new AbortController();
    const slept = systemClock.sleep(2 ** 40, abort.signal);
    const first = await Promise.race([
      slept.catch(() => 'ended'),
      systemClock.sleep(20).then(() => 'asleep'),
    ]);
    expect(first).toBe('asleep');
    abort.abort('over');
    await expect(slept).rejects.toBe('over');
  });
});

describe('systemEnv', () => {
  it('logs from its level on, one line each', () => {
    const lines: string[] = [];
    const env = systemEnv({ level: 'info', write: (line) => lines.push(line) });
    env.log('debug', 'no');
    env.log('warn', 'yes', { n: 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\S+Z warn yes n=1\n$/);
  });

  it('never lets control characters through', () => {
    expect(logLine(new Date(0), 'info', 'a\nb', { k: '\u001b[2J\u0085 "q"' })).toBe(
      '1970-01-01T00:00:00.000Z info a\\u000ab k="\\u001b[2J\\u0085 \\"q\\""\n',
    );
  });

  it('gives random numbers in [0, 1)', () => {
    const env = systemEnv();
    for (let i = 0; i < 100; i++) {
      const value = env.random();
      expect(value >= 0 && value < 1).toBe(true);
    }
    expect(env.uuid()).not.toBe(env.uuid());
  });
});
