import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

const take = async (queue: EventQueue<number>, count: number): Promise<unknown[]> => {
  const taken: unknown[] = [];
  for (let index = 0; index < count; index++) taken.push((await queue.next()).value);
  return taken;
};

describe('EventQueue', () => {
  test('keeps the order, waiting or not', async () => {
    const queue = new EventQueue<number>(10, () => {});
    const early = queue.next();
    for (const item of [1, 2, 3]) queue.push(item);
    expect((await early).value).toBe(1);
    expect(await take(queue, 2)).toEqual([2, 3]);
  });

  test('tells a slow consumer what it missed, in its place, and goes on', async () => {
    const queue = new EventQueue<number>(2, () => {});
    for (const item of [1, 2, 3, 4, 5]) queue.push(item);
    expect(await take(queue, 3)).toEqual([1, 2, { kind: 'missed', count: 3 }]);
    queue.push(6);
    expect(await take(queue, 1)).toEqual([6]);
  });

  test('every event is delivered or counted, never both, and never out of order', async () => {
    const step = fc.oneof(fc.constant('push' as const), fc.constant('take' as const));
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, limit) => {
          const queue = new EventQueue<number>(limit, () => {});
          let pushed = 0;
          let accounted = 0;
          const check = async (): Promise<void> => {
            const { value } = await queue.next();
            if (typeof value === 'number') expect(value).toBe(accounted++);
            else accounted += value.count;
          };
          for (const what of steps) {
            if (what === 'push') queue.push(pushed++);
            else if (accounted < pushed) await check();
          }
          while (accounted < pushed) await check();
          expect(accounted).toBe(pushed);
        },
      ),
    );
  });

  test('delivers what is queued before the end or the error', async () => {
    const queue = new EventQueue<number>(5, () => {});
    queue.push(1);
    queue.end(new Error('gone'));
    queue.push(2);
    expect(await take(queue, 1)).toEqual([1]);
    await expect(queue.next()).rejects.toThrow('gone');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  test('ends a waiting consumer', async () => {
    const queue = new EventQueue<number>(5, () => {});
    const waiting = queue.next();
    await expect(queue.next()).rejects.toThrow(/one consumer/);
    queue.end();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test('leaving the loop gives it back', async () => {
    let returned = 0;
    const queue = new EventQueue<number>(5, () => {
      returned += 1;
    });
    queue.push(1);
    queue.push(2);
    for await (const item of queue) {
      expect(item).toBe(1);
      break;
    }
    expect(returned).toBe(1);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });
});
