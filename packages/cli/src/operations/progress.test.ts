import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

const line = (text: string, level: 'error' | 'info' = 'error') =>
  ({ at: '2026-01-01T10:00:00.000Z', level, text }) as const;
/** What is printed of so many alike. */
const told = (count: number, verbose = false) => {
  const progress = new Progress(verbose);
  return Array.from({ length: count }, () => progress.log(line('n2 does not answer'))).flat();
};

test('attempts that fail alike are told ever more seldom, with their count', () => {
  expect(told(2)).toEqual(['    error: n2 does not answer']);
  expect(told(30)).toEqual([
    '    error: n2 does not answer',
    '    error: n2 does not answer (3 times by now)',
    '    error: n2 does not answer (6 times by now)',
    '    error: n2 does not answer (12 times by now)',
    '    error: n2 does not answer (24 times by now)',
  ]);
  expect(told(5, true)).toHaveLength(5);
});

test('another error is told at once, and counted by itself', () => {
  const progress = new Progress(false);
  for (let i = 0; i < 4; i++) progress.log(line('n2 does not answer'));
  expect(progress.log(line('n2 has no space'))).toEqual(['    error: n2 has no space']);
  expect(progress.log(line('a note', 'info'))).toEqual([]);
});
