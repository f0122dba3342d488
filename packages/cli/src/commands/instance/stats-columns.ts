/** Readings of counters for people: totals of one reading, growth per second of two. */
import { formatBytes, formatMs, type InstanceStats } from '@gantry/model';
import type { Column } from '../../output/column.ts';

export interface Reading {
  now: InstanceStats;
  before?: InstanceStats;
}

export const amount = (bytes: number | undefined): string | undefined =>
  bytes === undefined ? undefined : formatBytes(bytes);
export const seconds = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : formatMs(ms);

/** Bytes so far, or per second since the reading before. */
export function change(reading: Reading, counter: (stats: InstanceStats) => number): string {
  const rate = perSecond(reading, counter);
  return rate === undefined ? formatBytes(counter(reading.now)) : `${formatBytes(Math.round(rate))}/s`;
}

/** Undefined where there is nothing to compare with. */
export function perSecond(
  { now, before }: Reading,
  counter: (stats: InstanceStats) => number,
): number | undefined {
  const tookMs = before ? Date.parse(now.at) - Date.parse(before.at) : 0;
  if (!before || tookMs <= 0) return undefined;
  return Math.max(0, ((counter(now) - counter(before)) * 1000) / tookMs);
}

/** CPU time so far; with a reading before it the share of one CPU, in percent. */
function cpuText(reading: Reading): string {
  const rate = perSecond(reading, ({ cpu }) => cpu.timeMs);
  return rate === undefined ? formatMs(reading.now.cpu.timeMs) : `${(rate / 10).toFixed(1)} %`;
}

const sum = <T>(list: readonly T[], counter: (one: T) => number): number =>
  list.reduce((total, one) => total + counter(one), 0);

/** What one may be compared by: CPU in ms, the others in bytes. */
export const measures = {
  cpu: ({ cpu }) => cpu.timeMs,
  memory: ({ memory }) => memory.residentBytes ?? memory.currentBytes,
  read: ({ disks }) => sum(disks, (disk) => disk.readBytes),
  written: ({ disks }) => sum(disks, (disk) => disk.writtenBytes),
  received: ({ nics }) => sum(nics, (nic) => nic.receivedBytes),
  sent: ({ nics }) => sum(nics, (nic) => nic.sentBytes),
} as const satisfies Record<string, (stats: InstanceStats) => number>;
export type Measure = keyof typeof measures;

/** How much it uses: per second since the reading before, or in all where there is none. Memory does not add up over time. */
export const use = (reading: Reading, measure: Measure): number =>
  (measure === 'memory' ? undefined : perSecond(reading, measures[measure])) ??
  measures[measure](reading.now);

export const columns: readonly Column<Reading>[] = [
  { name: 'name', value: ({ now }) => now.name },
  { name: 'node', value: ({ now }) => now.node },
  { name: 'cpu', value: cpuText },
  { name: 'vcpus', value: ({ now }) => now.cpu.vcpus },
  { name: 'memory', value: ({ now }) => now.memory.currentBytes, unit: 'bytes' },
  { name: 'usable', value: ({ now }) => now.memory.usableBytes, unit: 'bytes' },
  { name: 'resident', value: ({ now }) => now.memory.residentBytes, unit: 'bytes' },
  { name: 'read', value: (reading) => change(reading, measures.read) },
  { name: 'written', value: (reading) => change(reading, measures.written) },
  { name: 'received', value: (reading) => change(reading, measures.received) },
  { name: 'sent', value: (reading) => change(reading, measures.sent) },
];
