import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonMember } from '../src/ganeti/json-member.ts';
import { parseRequest } from '../src/ganeti/request.ts';
import { oracleText } from './oracle.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const whole = oracleText('mixed-20.alloc-drbd.json');

test('a member is what JSON.parse finds, whatever stands beside it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      fc.nat(3),
      (others, value, indent) => {
        const text = JSON.stringify({ ...others, request: value, z: others }, null, indent);
        expect(JSON.parse(jsonMember(bytes(text), 'request') ?? 'null')).toEqual(JSON.parse(text).request);
      },
    ),
  );
});

test('without the member there is none', () => {
  for (const text of ['{}', '[]', '{"a": {"request": 1}}', '"request"', '{"a": "request"}'])
    expect(jsonMember(bytes(text), 'request')).toBeUndefined();
});

test('a request that is cut off anywhere is refused', () => {
  fc.assert(
    fc.property(fc.nat(whole.length - 1), (length) => {
      try {
        parseRequest(bytes(whole.slice(0, length)));
      } catch (error) {
        expect(isGantryError(error) && error.code).toBe('invalid_argument');
        return;
      }
      throw new Error(`accepted at ${length}`);
    }),
  );
});

test.each([
  ['memory', { memory: -1 }],
  ['a name with a separator', { name: 'a|b' }],
  ['tags that are none', { tags: 'x' }],
  ['disks that are none', { disks: [3] }],
  ['a state of its own', { admin_state: 'half' }],
])('%s is refused', (_what, change) => {
  const { request } = JSON.parse(whole);
  expect(() => parseRequest(bytes(JSON.stringify({ request: { ...request, ...change } })))).toThrow();
});
