/** An image for people. */
import { formatBytes, type Image, imageStates } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { entries, join, section } from '../../output/describe.ts';

const sourceOf = ({ spec }: Image): string =>
  spec.source === 'os' && spec.os
    ? `os ${[spec.os.provider, spec.os.variant].filter(Boolean).join('+')}`
    : `file ${spec.format ?? ''}`.trim();

export const imageColumns: readonly Column<Image>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'status', value: (row) => row.status.state, values: imageStates },
  { name: 'source', value: sourceOf },
  { name: 'size', value: (row) => row.status.sizeBytes, unit: 'bytes' },
  { name: 'disk', value: (row) => row.status.virtualBytes, unit: 'bytes' },
  {
    name: 'properties',
    value: (row) =>
      Object.entries(row.spec.properties ?? {})
        .map((pair) => pair.join('='))
        .join(' '),
    wide: true,
  },
  { name: 'sha256', value: (row) => row.status.sha256, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

export const describeImage = (image: Image): string => {
  const { name, id, spec, status, createdAt } = image;
  return join(
    entries([
      ['name', name],
      ['id', id],
      ['status', status.state],
      ['source', sourceOf(image)],
      ['size', status.sizeBytes === undefined ? undefined : formatBytes(status.sizeBytes)],
      ['disk', status.virtualBytes === undefined ? undefined : formatBytes(status.virtualBytes)],
      ['least disk', spec.minDiskMiB === undefined ? undefined : formatBytes(spec.minDiskMiB * 2 ** 20)],
      ['sha256', status.sha256],
      ['kernel', spec.boot?.kernel],
      ['created', createdAt],
    ]),
    section('OS parameters', entries(Object.entries(spec.os?.parameters ?? {}), '  ')),
    section('Properties', entries(Object.entries(spec.properties ?? {}), '  ')),
  );
};
