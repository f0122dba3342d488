import { expect, test } from 'vitest';
import { keyCodes, keyNames } from './keys.ts';

/** From linux/input-event-codes.h. */
test.each([
  ['esc', 1],
  ['0', 11],
  ['backspace', 14],
  ['enter', 28],
  ['ctrl', 29],
  ['a', 30],
  ['grave', 41],
  ['shift', 42],
  ['backslash', 43],
  ['z', 44],
  ['rshift', 54],
  ['alt', 56],
  ['space', 57],
  ['f1', 59],
  ['f10', 68],
  ['scrolllock', 70],
  ['f12', 88],
  ['rctrl', 97],
  ['sysrq', 99],
  ['altgr', 100],
  ['home', 102],
  ['down', 108],
  ['delete', 111],
  ['pause', 119],
  ['meta', 125],
  ['menu', 127],
])('%s is %i', (name, code) => {
  expect(keyCodes(name)).toEqual([code]);
});

test('no name twice, and keys pressed together in their order', () => {
  expect(new Set(keyNames).size).toBe(keyNames.length);
  expect(keyCodes('ctrl+alt+delete')).toEqual([29, 56, 111]);
});

test('a mistyped key is refused with the one that was meant', () => {
  expect(() => keyCodes('ctrl+delet')).toThrow(/key "delet" is not known \(did you mean delete\?\)/);
  expect(() => keyCodes('constructor')).toThrow(/is not known/);
});
