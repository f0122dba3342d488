import { describe, expect, test } from 'vitest';
import { BusyPoll } from './busy-poll.ts';

/** A loop of which each turn takes 10 µs; `turns` counts those that somebody asked for. */
class Loop {
  turns = 0;
  #nowMs = 1;
  #next: (() => void)[] = [];
  readonly poll: BusyPoll;

  constructor(stayMicros: number) {
    this.poll = new BusyPoll(stayMicros, { now: () => this.#nowMs, next: (step) => this.#next.push(step) });
  }

  /** Runs until nobody wants another turn or `micros` are over. */
  run(micros: number): void {
    const end = this.#nowMs + micros / 1_000;
    while (this.#nowMs < end && this.#next.length > 0) {
      this.#nowMs += 0.01;
      const steps = this.#next;
      this.#next = [];
      for (const step of steps) step();
      this.turns += 1;
    }
    this.#nowMs = Math.max(end, this.#nowMs);
  }

  /** One call that is answered after `micros`; gives the turns that were spent on it. */
  call(micros: number): number {
    const before = this.turns;
    this.poll.begin();
    this.run(micros);
    this.poll.heard();
    this.run(10_000);
    return this.turns - before;
  }
}

describe('busy polling', () => {
  test('stays awake until the answer is here, and not longer', () => {
    const loop = new Loop(200);
    expect(loop.call(50)).toBeGreaterThanOrEqual(5);
    expect(loop.call(50)).toBeLessThanOrEqual(7);
  });

  test('gives up when the stay is over', () => {
    const loop = new Loop(200);
    expect(loop.call(5_000)).toBeLessThanOrEqual(22);
  });

  test('learns to sleep for slow answers, and wakes up again for fast ones', () => {
    const loop = new Loop(200);
    const slow = Array.from({ length: 1_000 }, () => loop.call(5_000));
    expect(slow.filter((turns) => turns > 0).length).toBeLessThan(25);
    const fast = Array.from({ length: 200 }, () => loop.call(50));
    expect(fast.filter((turns) => turns > 0).length).toBeGreaterThan(130);
    expect(fast.at(-1)).toBeGreaterThan(0);
  });

  test('one call right after the other keeps one watch, not two', () => {
    const loop = new Loop(200);
    loop.poll.begin();
    loop.run(50);
    loop.poll.heard();
    loop.poll.begin();
    const before = loop.turns;
    loop.run(100);
    expect(loop.turns - before).toBeLessThanOrEqual(11);
  });

  test('what arrives unasked teaches nothing', () => {
    const loop = new Loop(200);
    loop.poll.heard();
    expect(loop.call(50)).toBeGreaterThan(0);
  });

  test('0 sleeps always', () => {
    const loop = new Loop(0);
    expect(loop.call(50)).toBe(0);
  });
});
