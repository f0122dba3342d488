import { expect, test } from 'vitest';
import { parseFingerprint, parseServer } from './pinned-ca.ts';

const hex = '0123456789abcdef'.repeat(4);

test.each([hex, hex.toUpperCase(), `sha256:${hex}`, `SHA256:${hex}`, hex.replace(/..(?=.)/g, '$&:')])(
  'the fingerprint %s',
  (text) => {
    expect(parseFingerprint(text).toString('hex')).toBe(hex);
  },
);

test.each(['', hex.slice(1), `${hex}0`, `${hex.slice(1)}g`, `md5:${hex}`, ` ${hex}`, hex.replace('0', 'о')])(
  'the fingerprint %j is refused',
  (text) => {
    expect(() => parseFingerprint(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  },
);

test.each([
  ['https://10.0.0.1:7460', 'https://10.0.0.1:7460'],
  ['https://gantry.example:7460/', 'https://gantry.example:7460'],
  ['https://[fd00::1]:7460', 'https://[fd00::1]:7460'],
])('the server %s', (text, expected) => {
  expect(parseServer(text)).toBe(expected);
});

test.each([
  '',
  'gantry.example',
  'http://x:1',
  'unix:/run/x',
  'https://x:1/v1',
  'https://u:p@x:1',
  'https://x:1?a',
  'https://',
])('the server %j is refused', (text) => {
  expect(() => parseServer(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});
