import { expect, test } from 'vitest';
import { similar } from './nearest.ts';

const names = ['web1', 'web2', 'web10', 'db1', 'mail'];

test.each<[string, string[]]>([
  ['web', ['web1', 'web2', 'web10']],
  ['web1', ['web10']],
  ['wbe2', ['web2']],
  ['mial', ['mail']],
  ['nothing-like-it', []],
  ['', []],
])('%j may mean %j', (word, wanted) => expect(similar(word, names)).toEqual(wanted));

test('of many that begin so a few are told', () => {
  const many = Array.from({ length: 50 }, (_, at) => `web${at}`);
  expect(similar('web', many)).toHaveLength(5);
});
