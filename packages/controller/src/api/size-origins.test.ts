import type { Flavor, Instance, Provenance } from '@gantry/model';
import { expect, test } from 'vitest';
import { type Sized, withSizeOrigins } from './size-origins.ts';

const row = (source: string, level: Provenance['level'] = 'flavor'): Provenance => ({
  ...{ path: `/domain/${source}`, value: '1', level, source, rule: 'size' },
});
const small = { spec: { vcpus: 1, memoryMiB: 1024 } } as Flavor;
const origins = (
  sources: Provenance[],
  sized: Sized,
  { flavor, has = sized, id = 'f' }: { flavor?: Flavor; has?: Sized; id?: string | null },
) => {
  const spec = { ...sized, ...(id === null ? {} : { flavor: id }) } as Instance['spec'];
  return withSizeOrigins(sources, spec, has, flavor).map(({ level, source }) => `${level} ${source}`);
};

test.each<[string, Sized, Parameters<typeof origins>[2], string[]]>([
  [
    'all of the flavor',
    { vcpus: 1, memoryMiB: 1024 },
    { flavor: small },
    ['flavor vcpus', 'flavor memoryMiB'],
  ],
  [
    'one set beside it',
    { vcpus: 2, memoryMiB: 1024 },
    { flavor: small },
    ['instance vcpus', 'flavor memoryMiB'],
  ],
  ['no flavor', { vcpus: 2, memoryMiB: 512 }, { id: null }, ['instance vcpus', 'instance memoryMiB']],
  ['a flavor that is no more', { vcpus: 2, memoryMiB: 512 }, {}, ['flavor vcpus', 'flavor memoryMiB']],
  [
    'one that waits for the next start',
    { vcpus: 2, memoryMiB: 2048 },
    { flavor: small, has: { vcpus: 1, memoryMiB: 2048 } },
    ['flavor vcpus', 'instance memoryMiB'],
  ],
])('%s', (_, sized, how, expected) => {
  expect(origins([row('vcpus'), row('memoryMiB')], sized, how)).toEqual(expected);
});

test('a row of two sizes names those that are the instance’s; others stay as they are', () => {
  const rows = [row('vcpus, maxVcpus'), row('hw:cpu_policy'), row('maxVcpus', 'builtin')];
  expect(origins(rows, { vcpus: 1, maxVcpus: 4 }, { flavor: small })).toEqual([
    'instance maxVcpus',
    'flavor hw:cpu_policy',
    'builtin maxVcpus',
  ]);
});
