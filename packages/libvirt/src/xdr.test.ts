import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBody, encodeBody } from './frame.ts';
import {
  array,
  charArray,
  charList,
  flag,
  hyper,
  int,
  type Layout,
  nullable,
  opaque,
  string,
  struct,
  uchar,
  uhyper,
  uint,
  uuid,
} from './layouts.ts';
import { XdrError } from './xdr.ts';

const encode = <I>(layout: Layout<I, unknown>, value: I): Buffer =>
  Buffer.from(encodeBody((to) => layout.write(to, value)));
const decode = <O>(layout: Layout<never, O>, bytes: Uint8Array): O =>
  decodeBody(bytes, (from) => layout.read(from));

/** Strings that XDR carries: well-formed and without NUL. */
const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));

const cases: readonly [string, Layout<never, unknown>, fc.Arbitrary<unknown>][] = [
  ['int', int, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  ['uint', uint, fc.integer({ min: 0, max: 2 ** 32 - 1 })],
  ['uchar', uchar, fc.integer({ min: 0, max: 255 })],
  ['flag', flag, fc.boolean()],
  ['hyper', hyper, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ['uhyper', uhyper, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ['string', string, text],
  ['opaque', opaque(64), fc.uint8Array({ maxLength: 64 })],
  ['uuid', uuid, fc.uuid()],
  ['nullable', nullable(string), fc.option(text)],
  ['array', array(uhyper, 20), fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 20 })],
  ['charArray', charArray(16), fc.stringMatching(/^[a-z0-9]{0,15}$/)],
  ['charList', charList(16), fc.stringMatching(/^[a-z0-9]{0,16}$/)],
  ['struct', struct({ a: int, b: nullable(string) }), fc.record({ a: fc.integer(), b: fc.option(text) })],
];

describe('XDR', () => {
  test.each(cases)('%s: what is written is read back, in whole words', (_, layout, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const bytes = encode(layout, value as never);
        expect(bytes.length % 4).toBe(0);
        expect(bytes.length).toBeGreaterThanOrEqual(layout.minBytes);
        expect(decode(layout, bytes)).toEqual(value);
      }),
    );
  });

  test.each(cases)('%s: cut short anywhere it is an XdrError', (_, layout, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (value, cut) => {
        const bytes = encode(layout, value as never);
        fc.pre(bytes.length > 0);
        expect(() => decode(layout, bytes.subarray(0, cut % bytes.length))).toThrow(XdrError);
      }),
    );
  });

  test.each(cases)('%s: random bytes give a value or an XdrError', (_, layout) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(layout, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('known bytes', () => {
    expect(encode(string, 'abc').toString('hex')).toBe('0000000361626300');
    expect(encode(hyper, -2n).toString('hex')).toBe('fffffffffffffffe');
    expect(encode(hyper, 5).toString('hex')).toBe('0000000000000005');
    expect(encode(nullable(int), null).toString('hex')).toBe('00000000');
    expect(encode(array(int, 2), [1, 2]).toString('hex')).toBe('000000020000000100000002');
    expect(encode(charArray(2), 'a').toString('hex')).toBe('0000006100000000');
  });

  test('lengths that lie cost an error, not memory', () => {
    const announced = Buffer.from('7fffffff', 'hex');
    expect(() => decode(string, announced)).toThrow(/at most 4194304/);
    expect(() => decode(opaque(2 ** 31), announced)).toThrow(/are left/);
    expect(() => decode(array(int, 2 ** 32), announced)).toThrow(/elements announced/);
    expect(() => decode(array(int, 3), Buffer.from('00000004', 'hex'))).toThrow(/at most 3/);
  });

  test('values that do not fit are refused with the path of the field', () => {
    const layout = struct({ dom: struct({ ids: array(uint, 4) }), name: string });
    const refuse =
      (value: unknown): (() => unknown) =>
      () =>
        encode(layout, value as never);
    expect(refuse({ dom: { ids: [1, -1] }, name: 'x' })).toThrow('dom.ids[1]: expected an integer from 0');
    expect(refuse({ dom: { ids: [1.5] }, name: 'x' })).toThrow(/dom\.ids\[0\]/);
    expect(refuse({ dom: { ids: [] }, name: 'a\0b' })).toThrow('name: the string contains a NUL');
    expect(refuse({ dom: { ids: [] }, name: '\ud800' })).toThrow(/lone surrogate/);
    expect(refuse({ dom: { ids: [] } })).toThrow('name: expected a string');
    expect(refuse({ dom: { ids: [] }, name: 'x', nmae: 1 })).toThrow('nmae: no such field');
    expect(refuse({ dom: null, name: 'x' })).toThrow('dom: expected an object, got null');
    expect(() => encode(uuid, 'not a uuid')).toThrow(/expected a UUID/);
    expect(() => encode(hyper, 2n ** 63n)).toThrow(/signed 64-bit/);
    expect(() => encode(uhyper, -1)).toThrow(/unsigned 64-bit/);
  });

  test('bytes after the last field are refused', () => {
    expect(() => decode(int, Buffer.alloc(8))).toThrow(/too many/);
  });
});
