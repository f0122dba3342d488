import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstFree } from './first-free.ts';

const store = (taken: ReadonlySet<string>) => ({
  asked: 0,
  async firstUnclaimed(_space: string, values: readonly string[]) {
    this.asked++;
    return values.find((value) => !taken.has(value));
  },
});
const upTo = (count: number) => Array.from({ length: count }, (_, index) => String(index));

test('is the first that neither the store nor the batch has, of as many as there are', async () => {
  const sets = fc.tuple(fc.nat(500), fc.uniqueArray(fc.nat(500)), fc.uniqueArray(fc.nat(500)));
  await fc.assert(
    fc.asyncProperty(sets, async ([count, taken, mine]) => {
      const [theirs, ours] = [new Set(taken.map(String)), new Set(mine.map(String))];
      const wanted = upTo(count).find((each) => !theirs.has(each) && !ours.has(each));
      expect(await firstFree(store(theirs), 's', ours, upTo(count))).toBe(wanted);
    }),
  );
});

test('asks few questions, and counts no further than it must', async () => {
  let counted = 0;
  function* endless() {
    for (;;) yield String(counted++);
  }
  const full = store(new Set(upTo(10_000)));
  expect(await firstFree(full, 's', new Set(), endless())).toBe('10000');
  expect(full.asked).toBeLessThan(10);
  expect(counted).toBeLessThan(16_000);
});
