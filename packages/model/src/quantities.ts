/** Quantities in words: text carries its unit ("1G", "30ms"). Apart from their schemas, which commands without an API do not load. */
import { err, type GantryError } from './errors.ts';

const binary: Record<string, number> = { B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const durations: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * "1G", "512M", "10GiB", "4096B" to bytes. A bare number is refused: it has no unit.
 * @throws GantryError `invalid_argument`
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([BKMGT])(?:iB)?$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : binary[match[2]];
  if (!match?.[1] || factor === undefined)
    throw badQuantity(text, 'a size with its unit, such as 512M, 1G or 10GiB');
  const bytes = Math.round(Number(match[1]) * factor);
  if (!Number.isSafeInteger(bytes)) throw badQuantity(text, 'a size below 8 PiB');
  return bytes;
}

/**
 * "512M", "2G" to MiB.
 * @throws GantryError `invalid_argument` when it is not a whole number of MiB
 */
export function parseMiB(text: string): number {
  const mib = parseBytes(text) / 2 ** 20;
  if (!Number.isInteger(mib)) throw badQuantity(text, 'a whole number of MiB, such as 512M or 2G');
  return mib;
}

/**
 * "30ms", "5s", "10m", "1h" to milliseconds.
 * @throws GantryError `invalid_argument`
 */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : durations[match[2]];
  if (!match?.[1] || factor === undefined)
    throw badQuantity(text, 'a duration with its unit, such as 500ms, 30s, 10m, 12h or 30d');
  return Math.round(Number(match[1]) * factor);
}

/** What of a time in ms a timer of Node can wait for: for more than 2^31 - 1 ms, some 25 days, it would not wait at all. */
export const timerMs = (ms: number): number => Math.min(ms, 2 ** 31 - 1);

const badQuantity = (text: string, wanted: string): GantryError =>
  err('invalid_argument', { what: JSON.stringify(text.slice(0, 64)), wanted });

/** Bytes for people: "1.5 GiB". */
export function formatBytes(bytes: number): string {
  for (const [unit, factor] of [
    ['TiB', 2 ** 40],
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= factor) return `${trim(bytes / factor)} ${unit}`;
  }
  return `${bytes} B`;
}

/** Milliseconds for people: "340 ms", "2.41 s", "3 m 5 s". */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} m ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** `1 vCPU`, `2 vCPUs`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const trim = (value: number): string => value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0);
