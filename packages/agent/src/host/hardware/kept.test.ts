import type { NodeHardware } from '@gantry/model';
import { expect, test } from 'vitest';
import { keptHardware } from './kept.ts';

test('is looked at when it was never seen, kept when it cannot be, and replaced when it changed', async () => {
  const answers: (string | Error)[] = [
    new Error('libvirt is away'),
    'first',
    new Error('away again'),
    'second',
  ];
  const errors: unknown[] = [];
  const kept = keptHardware(
    async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer as unknown as NodeHardware;
    },
    (error) => errors.push(error),
  );
  expect(await kept.latest()).toBeUndefined();
  expect(await kept.latest()).toBe('first');
  expect(await kept.latest()).toBe('first');
  expect(await kept.refresh()).toBe('first');
  expect(await kept.refresh()).toBe('second');
  expect(await kept.latest()).toBe('second');
  expect(errors).toHaveLength(2);
});
