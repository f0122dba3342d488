import { expect, test } from 'vitest';
import { parsePauseMs } from './stats-watch.ts';

test('a pause between readings', () => {
  expect(parsePauseMs('1s')).toBe(1000);
  expect(parsePauseMs('100ms')).toBe(100);
  expect(() => parsePauseMs('0s')).toThrow('--every 0s is not a pause of at least 100 ms');
});
