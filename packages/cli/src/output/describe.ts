/** One object for people: labelled lines in sections. */
import { table } from './table.ts';

export type Entry = readonly [label: string, value: string | number | undefined];

/** `label  value` lines, labels as wide as the widest; entries without value are left out. */
export function entries(list: readonly Entry[], indent = ''): string {
  const present = list.filter(
    (entry): entry is readonly [string, string | number] => entry[1] !== undefined && entry[1] !== '',
  );
  const width = Math.max(0, ...present.map(([label]) => label.length));
  return present
    .map(
      ([label, value]) =>
        `${indent}${label.padEnd(width)}  ${indented(String(value), indent.length + width + 2)}`,
    )
    .join('\n');
}

const indented = (text: string, by: number): string => text.split('\n').join(`\n${' '.repeat(by)}`);

/** A titled part; an empty one vanishes. */
export const section = (title: string, body: string): string => (body === '' ? '' : `\n${title}\n${body}`);

export const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n');

/** An indented table inside a description. */
export const subTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  rows.length === 0 ? '' : table(header, rows).replace(/^/gm, '  ');

/** How long ago, in one unit: `3 m`. */
export function ago(timestamp: string | undefined, nowMs: number): string | undefined {
  if (timestamp === undefined) return undefined;
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(timestamp)) / 1000));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}
