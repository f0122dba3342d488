import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differences } from './set-plans.ts';

test.each<[object, object, [string, string | undefined, string | undefined][]]>([
  [{ a: 1 }, { a: 1 }, []],
  [{ cpuMode: 'host-model' }, {}, [['cpuMode', 'host-model', undefined]]],
  [
    {},
    { traits: ['A', 'B'], on: false },
    [
      ['on', undefined, 'false'],
      ['traits', undefined, 'A B'],
    ],
  ],
  [{ traits: ['A'] }, { traits: [] }, [['traits', 'A', 'none']]],
  [{ subnet: { cidr: 'x', dns: ['a'] } }, { subnet: { cidr: 'x' } }, [['subnet.dns', 'a', undefined]]],
  [{}, { resources: { CUSTOM_X: 2 } }, [['resources.CUSTOM_X', undefined, '2']]],
  [{ pci: [{ id: '1' }] }, { pci: [{ id: '2' }] }, [['pci', '{"id":"1"}', '{"id":"2"}']]],
])('%j -> %j', (before, after, expected) => {
  expect(differences(before, after).map(({ setting, from, to }) => [setting, from, to])).toEqual(expected);
});

test('nothing differs from itself, and each way tells of the same settings', () => {
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.array(fc.string(), { maxLength: 3 }));
  const map = fc.dictionary(fc.string({ minLength: 1 }), leaf, { noNullPrototype: true });
  const spec = fc.record({ guest: map, host: map }, { requiredKeys: [] });
  const settings = (a: object, b: object) => differences(a, b).map(({ setting }) => setting);
  fc.assert(
    fc.property(spec, spec, (a, b) => {
      expect(differences(a, structuredClone(a))).toEqual([]);
      expect(settings(a, b)).toEqual(settings(b, a));
    }),
  );
});
