import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBody, encodeBody } from './frame.ts';
import { TYPES } from './known-parameters.ts';
import { type TypedParamsIn, typedParams } from './typed-params.ts';

const layout = typedParams(64);
const roundTrip = (params: TypedParamsIn): Record<string, unknown> => ({
  ...decodeBody(new Uint8Array(encodeBody((to) => layout.write(to, params))), (from) => layout.read(from)),
});

const value = fc.oneof(
  fc.record({ type: fc.constant('int' as const), value: fc.integer() }),
  fc.record({ type: fc.constant('uint' as const), value: fc.nat() }),
  fc.record({
    type: fc.constant('llong' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ type: fc.constant('ullong' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant('double' as const), value: fc.double({ noNaN: true }) }),
  fc.record({ type: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('string' as const), value: fc.stringMatching(/^[ -~]*$/) }),
);

describe('typed parameters', () => {
  test('every type comes back as what it was', () => {
    const name = fc.stringMatching(/^[a-z._]{1,12}$/).filter((key) => key !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 10 }), (params) => {
        const plain = Object.fromEntries(Object.entries(params).map(([key, typed]) => [key, typed.value]));
        expect(roundTrip(params)).toEqual(plain);
      }),
    );
  });

  test("libvirt's own names get libvirt's own types", () => {
    const sent = {
      cpu_shares: 512,
      vcpu_quota: -1,
      weight: 300,
      numa_mode: 0,
      numa_nodeset: '0-1',
      cmt: true,
    };
    expect(roundTrip(sent)).toEqual({ ...sent, cpu_shares: 512n, vcpu_quota: -1n });
  });

  test('a list repeats the parameter and comes back as a list', () => {
    expect(roundTrip({ migrate_disks: ['vda', 'vdb'] })).toEqual({ migrate_disks: ['vda', 'vdb'] });
  });

  test('a name from the peer is only a name', () => {
    const bytes = encodeBody((to) =>
      layout.write(to, JSON.parse('{"__proto__": {"type": "int", "value": 1}}')),
    );
    const params = decodeBody(new Uint8Array(bytes), (from) => layout.read(from));
    expect(Object.keys(params)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([
    ['an unknown number', { something: 5 }, /something: libvirt's type .* is not known/],
    ['a float for an integer', { cpu_shares: 1.5 }, /cpu_shares: expected an unsigned 64-bit/],
    ['a negative weight', { weight: -1 }, /weight: expected an integer from 0/],
    ['a string for a number', { weight: '3' }, /weight: expected an integer/],
    ['a number for a string', { numa_nodeset: 3 }, /numa_nodeset: expected a string/],
    ['a string for a boolean', { cmt: 'yes' }, /cmt: expected true or false/],
    ['a type there is not', { x: { type: 'float', value: 1 } }, /x: unknown type "float"/],
  ])('%s is refused', (_, params, message) => {
    expect(() => roundTrip(params as TypedParamsIn)).toThrow(message);
  });

  test('an unknown type from the peer is an error', () => {
    const bytes = encodeBody((to) => {
      to.uint(1);
      to.string('field', 100);
      to.int(TYPES.length + 1);
      to.int(0);
    });
    expect(() => decodeBody(bytes, (from) => layout.read(from))).toThrow(/unknown type 8/);
  });
});
