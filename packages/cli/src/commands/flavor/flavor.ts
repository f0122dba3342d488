/** A flavor for people. */
import { type Flavor, formatBytes } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { entries, join, section } from '../../output/describe.ts';
import { roomText } from '../room-flags.ts';

export const flavorColumns: readonly Column<Flavor>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'vcpus', value: (row) => row.spec.vcpus },
  { name: 'memory', value: (row) => row.spec.memoryMiB, unit: 'MiB' },
  { name: 'disk', value: (row) => row.spec.diskMiB, unit: 'MiB' },
  {
    name: 'properties',
    value: (row) =>
      Object.entries(row.spec.extraSpecs ?? {})
        .map((pair) => pair.join('='))
        .join(' '),
  },
  { name: 'id', value: (row) => row.id, wide: true },
];

const size = (mib: number | undefined) => (mib === undefined ? undefined : formatBytes(mib * 2 ** 20));

export const describeFlavor = ({ name, id, spec, createdAt }: Flavor): string =>
  join(
    entries([
      ['name', name],
      ['id', id],
      ['vcpus', spec.vcpus],
      ['memory', size(spec.memoryMiB)],
      ['room', roomText(spec)],
      ['disk', size(spec.diskMiB)],
      ['created', createdAt],
    ]),
    section('Properties', entries(Object.entries(spec.extraSpecs ?? {}), '  ')),
  );
