/** Lists of CPUs as Nova, libvirt and the kernel write them: `0-3,^1,6`. Grammar of Nova's parse_cpu_spec (26.2.2). */
import { refused } from '../refusal.ts';

/** Ascending, each once. */
export type CpuList = readonly number[];

/** More CPUs than any machine has; a longer range is a slip or an attack. */
const MOST = 4096;

/**
 * Single numbers, ranges, and both with `^` for exclusion, wherever it stands; empty parts are skipped.
 * @throws GantryError `guest_refused`
 */
export function parseCpuList(text: string): CpuList {
  const included = new Set<number>();
  const excluded = new Set<number>();
  for (const part of text.split(',')) {
    const rule = part.trim();
    if (rule === '') continue;
    const exclude = rule.startsWith('^');
    const range = rangeOf(exclude ? rule.slice(1) : rule, rule);
    const into = exclude ? excluded : included;
    for (let cpu = range.first; cpu <= range.last; cpu++) into.add(cpu);
  }
  return ascending([...included].filter((cpu) => !excluded.has(cpu)));
}

function rangeOf(text: string, rule: string): { first: number; last: number } {
  const parts = /^\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?$/.exec(text);
  const first = Number(parts?.[1]);
  const last = parts?.[2] === undefined ? first : Number(parts[2]);
  if (!parts || first > last || last - first >= MOST)
    throw refused(`${JSON.stringify(rule.slice(0, 64))} is not a list of CPUs such as 0-3,^1`, 'Invalid');
  return { first, last };
}

/** The same in ascending order, without doubles. */
export const ascending = (cpus: Iterable<number>): number[] => [...new Set(cpus)].sort((a, b) => a - b);

/** As libvirt writes it: `0-2,4`; with `ranges` false each CPU by itself. */
export function formatCpuList(cpus: Iterable<number>, ranges = true): string {
  const sorted = ascending(cpus);
  if (!ranges) return sorted.join(',');
  const parts: string[] = [];
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (sorted[to + 1] === (sorted[to] ?? 0) + 1) to++;
    parts.push(from === to ? `${sorted[from]}` : `${sorted[from]}-${sorted[to]}`);
    from = to + 1;
  }
  return parts.join(',');
}

/** All CPUs of a guest: 0 to count - 1. */
export const cpusUpTo = (count: number): number[] => Array.from({ length: count }, (_, cpu) => cpu);

/**
 * A mask over the vCPUs of a guest; one that begins with `^` excludes from all of them.
 * @throws GantryError `guest_refused`
 */
export const parseMask = (mask: string, vcpus: number): CpuList =>
  parseCpuList(mask.trim().startsWith('^') ? `0-${vcpus - 1},${mask}` : mask);
