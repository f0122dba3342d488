import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { whoAsks } from './recover-admin.ts';

const { username } = userInfo();

test.each<[string, () => string, string]>([
  ['nobody who logged in', () => '4294967295\n', username],
  ['root', () => '0', username],
  ['a person who became root', () => '1000', `${username} (login uid 1000)`],
  ['what is no number', () => 'x\u001b[2J', username],
  [
    'a kernel without it',
    () => {
      throw new Error('ENOENT');
    },
    username,
  ],
])('who asks: %s', (_, read, expected) => {
  expect(whoAsks(read)).toBe(expected);
});
