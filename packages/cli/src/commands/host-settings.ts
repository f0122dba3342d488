/** Settings of nodes as hosts: options of `node set`, `group set` and `cluster set`. */
import {
  err,
  type HostChanges,
  type HostPolicy,
  matches,
  PciAddress,
  parseMiB,
  sizedThings,
} from '@gantry/model';
import type { Given } from '../given.ts';
import { entries } from '../output/describe.ts';
import { parseCount, parsePairs, parseYesNo } from '../parse.ts';
import type { Flag } from '../verb.ts';

export const hostSettings = [
  'sharedCpus',
  'dedicatedCpus',
  'reservedPages',
  'packCells',
  'vcpuRatio',
  'reservedMemoryMiB',
  'sizes',
  'exclusionLabels',
  'traits',
  'resources',
  'pciDevices',
] as const satisfies readonly (keyof HostPolicy)[];

export const hostFlags: readonly Flag[] = [
  { flags: '--shared-cpus <list>', description: 'CPUs for guests without pinned ones, such as 0-3' },
  { flags: '--dedicated-cpus <list>', description: 'CPUs that may be pinned to one vCPU each, such as 4-15' },
  {
    flags: '--reserve-pages <cell:size:count>',
    description: 'huge pages kept back for the node, such as 0:2M:64',
    many: true,
  },
  {
    flags: '--pack-cells <yes|no>',
    description: 'fill used NUMA cells first',
    complete: () => ['yes', 'no'],
  },
  { flags: '--vcpu-ratio <ratio>', description: 'vCPUs of all guests per CPU of the node; default 4' },
  { flags: '--reserve-memory <size>', description: 'memory kept for the node itself; default 512M' },
  {
    flags: '--size <what=least..most>',
    description: `sizes of guests placed here, such as memory=512M..32G: ${sizedThings.join(', ')}; all of them together`,
    many: true,
  },
  {
    flags: '--exclusion-label <key>',
    description: 'guests with the same value of this label go to different nodes where possible',
    many: true,
  },
  {
    flags: '--trait <trait>',
    description: 'a trait of your own: CUSTOM_...; all of them together',
    many: true,
  },
  {
    flags: '--resource <name=amount>',
    description: 'a resource of your own: CUSTOM_...=8; all of them together',
    many: true,
  },
  {
    flags: '--pci <alias=device>',
    description: 'PCI devices for guests, by address (0000:81:00.0) or vendor and product (10de:2330)',
    many: true,
  },
];

/** @throws GantryError `invalid_argument` */
export const parseHostChanges = (given: Given): HostChanges => ({
  ...given.string('sharedCpus', 'sharedCpus'),
  ...given.string('dedicatedCpus', 'dedicatedCpus'),
  ...given.put('packCells', 'packCells', parseYesNo),
  ...given.put('vcpuRatio', 'vcpuRatio', parseRatio),
  ...given.put('reservedMemoryMiB', 'reserveMemory', parseMiB),
  ...list('sizes', given.all('size').map(parseSize)),
  ...list('exclusionLabels', [...given.all('exclusionLabel')]),
  ...list('reservedPages', given.all('reservePages').map(parsePages)),
  ...list('traits', [...given.all('trait')]),
  ...list('pciDevices', given.all('pci').map(parseDevice)),
  ...resources(given),
});

const list = <K extends string, T>(key: K, items: T[]): { [P in K]?: T[] } =>
  items.length === 0 ? {} : ({ [key]: items } as { [P in K]: T[] });

function resources(given: Given): HostChanges {
  const pairs = Object.entries(parsePairs(given.all('resource')));
  if (pairs.length === 0) return {};
  return { resources: Object.fromEntries(pairs.map(([name, amount]) => [name, parseCount(amount)])) };
}

function parseRatio(text: string): number {
  if (!/^\d{1,2}(\.\d{1,3})?$/.test(text))
    throw err('invalid_argument', { what: text, wanted: 'a ratio, such as 4 or 1.5' });
  return Number(text);
}

/** `memory=512M..32G`; each end may be left out. */
function parseSize(text: string) {
  const match = /^([a-z]+)=([0-9A-Za-z]*)\.\.([0-9A-Za-z]*)$/.exec(text);
  const what = sizedThings.find((thing) => thing === match?.[1]);
  if (!match || !what)
    throw err('invalid_argument', {
      what: text,
      wanted: `WHAT=LEAST..MOST, such as memory=512M..32G; WHAT is one of ${sizedThings.join(', ')}`,
    });
  const parse = what === 'memory' || what === 'disk' ? parseMiB : parseCount;
  const [, , least, most] = match;
  return { of: what, ...(least ? { least: parse(least) } : {}), ...(most ? { most: parse(most) } : {}) };
}

/** `0:2M:64` */
function parsePages(text: string) {
  const parts = text.split(':');
  const [cell, size, count] = parts;
  if (cell === undefined || size === undefined || count === undefined || !/^\d{1,5}$/.test(cell))
    throw err('invalid_argument', { what: text, wanted: 'CELL:SIZE:COUNT, such as 0:2M:64' });
  return { cell: Number(cell), sizeKiB: parseMiB(size) * 1024, count: parseCount(count) };
}

/** `gpu=10de:2330` */
function parseDevice(text: string) {
  const [alias = '', device = ''] = text.split('=');
  return matches(PciAddress, device) ? { alias, address: device } : { alias, id: device };
}

/** For people. */
export const describeHost = (host: HostPolicy | undefined): string =>
  entries(
    Object.entries(host ?? {}).map(([name, value]) => [name, wordsOf(value)] as const),
    '  ',
  );

function wordsOf(value: NonNullable<HostPolicy[keyof HostPolicy]>): string {
  if (typeof value !== 'object') return String(value);
  if (!Array.isArray(value))
    return Object.entries(value)
      .map(([name, amount]) => `${name}=${amount}`)
      .join(' ');
  return value.map((item) => (typeof item === 'string' ? item : Object.values(item).join(':'))).join(' ');
}
