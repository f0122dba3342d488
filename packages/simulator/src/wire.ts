/** The network between two processes: delay, lost requests, lost answers, time-outs. */
import { err, isGantryError } from '@gantry/model';
import type { Life } from './faults.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface WireOptions {
  /** Probability that a request, or its answer, is lost. */
  loss: number;
  timeoutMs: number;
}

export interface Wire {
  /** One exchange. @throws GantryError `api_unreachable` when it, or its answer, got lost or nobody listens */
  exchange<T>(caller: Life, callee: () => Life | undefined, act: () => Promise<T>): Promise<T>;
  delayMs(): number;
}

export function wire(time: Scheduler, random: Random, options: WireOptions): Wire {
  const unreachable = (why: string) => err('api_unreachable', { endpoint: 'simulated', why });
  const delayMs = () => random.between(1, 5);
  return {
    delayMs,
    async exchange(caller, callee, act) {
      await time.sleep(delayMs(), caller.signal);
      const there = callee();
      if (!there || there.signal.aborted) throw unreachable('connection refused');
      const lost = random.chance(options.loss);
      const answer = lost && random.chance(0.5) ? silence() : act();
      const result = await Promise.race([
        answer.then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        ),
        died(there).then(() => ({ error: unreachable('connection reset') })),
        time.sleep(options.timeoutMs, caller.signal).then(() => ({ error: unreachable('timed out') })),
      ]);
      if ('error' in result)
        throw isGantryError(result.error) ? result.error : unreachable(String(result.error));
      await time.sleep(delayMs(), caller.signal);
      if (lost) {
        await time.sleep(options.timeoutMs, caller.signal);
        throw unreachable('timed out');
      }
      return result.value;
    },
  };
}

const silence = () => new Promise<never>(() => undefined);

const died = (life: Life): Promise<void> =>
  new Promise((resolve) => {
    if (life.signal.aborted) resolve();
    else life.signal.addEventListener('abort', () => resolve(), { once: true });
  });
