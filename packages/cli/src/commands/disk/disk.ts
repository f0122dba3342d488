/** A disk for people. */
import type { Disk, DiskDevice } from '@gantry/model';
import { diskLimitNames, diskStates, err, formatBytes } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { entries } from '../../output/describe.ts';
import type { Session } from '../../session.ts';

/** With names for ids. */
export interface ShownDisk extends Disk {
  instance?: string;
  node?: string;
}

export async function withNames(session: Session, disks: readonly Disk[]): Promise<ShownDisk[]> {
  const [instances, nodes] = await Promise.all([
    session.client.call('listInstances', { query: { limit: 1000 } }),
    session.client.call('listNodes', {}),
  ]);
  const named = (items: readonly { id: string; name: string }[], id: string | undefined) =>
    id && (items.find((item) => item.id === id)?.name ?? id);
  return disks.map((disk) => {
    const instance = named(instances.items, disk.spec.instance);
    const node = named(nodes.items, disk.status.node);
    return { ...disk, ...(instance ? { instance } : {}), ...(node ? { node } : {}) };
  });
}

export const diskColumns: readonly Column<ShownDisk>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'state', value: (row) => row.status.state, values: diskStates },
  { name: 'size', value: (row) => row.spec.sizeBytes, unit: 'bytes' },
  { name: 'instance', value: (row) => row.instance },
  { name: 'place', value: (row) => (row.spec.instance ? row.spec.index : undefined) },
  { name: 'node', value: (row) => row.node },
  { name: 'template', value: (row) => row.spec.template },
  { name: 'id', value: (row) => row.id, wide: true },
];

export function describeDisk({ name, id, spec, status, instance, node, createdAt }: ShownDisk): string {
  return entries([
    ['name', name],
    ['id', id],
    ['state', status.state],
    ['size', formatBytes(spec.sizeBytes)],
    ['template', spec.template],
    ['instance', instance && `${instance}, place ${spec.index}`],
    ['goes with it', instance && (spec.ownedByInstance ? 'yes: made with the instance' : 'no')],
    ['in the guest', instance && deviceText(spec.device)],
    ['node', node ?? (status.state === 'unplaced' ? 'chosen with its first instance' : undefined)],
    ['created', createdAt],
  ]);
}

function deviceText({ bus, cache, readOnly, limits }: DiskDevice = {}): string | undefined {
  const said = [
    bus && `bus=${bus}`,
    cache && `cache=${cache}`,
    readOnly && 'read-only',
    ...diskLimitNames.map((key) => limits?.[key] !== undefined && `limit ${key}=${limits[key]}`),
  ];
  return said.filter(Boolean).join(', ') || 'as inherited';
}

/** Of the command line, for the API. */
const limitKeys = {
  total: 'totalBytes',
  read: 'readBytes',
  write: 'writeBytes',
  'total-iops': 'totalIops',
  'read-iops': 'readIops',
  'write-iops': 'writeIops',
} as const;

export const limitForm =
  'what=rate with what one of total, read, write (bytes: 300MB/s, 50MiB/s) or total-iops, read-iops, write-iops (1000)';

/** `write-iops=1000`, `read=300MB/s`, `read=none`. @throws GantryError `invalid_argument` */
export function parseLimits(
  texts: readonly string[],
): Partial<Record<keyof typeof bytesOrCount, number | null>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [what = '', rate = ''] = text.split('=', 2);
      if (!Object.hasOwn(limitKeys, what)) throw bad(text);
      const key = limitKeys[what as keyof typeof limitKeys];
      return [key, rate === 'none' ? null : bytesOrCount[key](rate, text)];
    }),
  );
}

const bad = (text: string) =>
  err('invalid_argument', { what: `--limit ${text.slice(0, 64)}`, wanted: limitForm });

const count = (rate: string, text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(rate)) throw bad(text);
  return Number(rate);
};
/** MB are a million bytes, MiB and M are 2^20. */
const bytes = (rate: string, text: string): number => {
  const match = /^(\d+(?:\.\d+)?)([KMG])?(i?B)?\/s$/.exec(rate);
  const power = ' KMG'.indexOf(match?.[2] ?? ' ');
  const value = Math.round(Number(match?.[1]) * (match?.[3] === 'B' ? 1000 : 1024) ** power);
  if (!match || (power === 0 && match[3] !== 'B') || value < 1) throw bad(text);
  return value;
};
const bytesOrCount = {
  totalBytes: bytes,
  readBytes: bytes,
  writeBytes: bytes,
  totalIops: count,
  readIops: count,
  writeIops: count,
};
