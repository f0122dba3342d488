/** Quotas as people write and read them. */
import {
  err,
  formatUsage,
  isMiB,
  noUsage,
  type Project,
  parseMiB,
  type QuotaResource,
  quotaResources,
  quotaWords,
} from '@gantry/model';
import { subTable } from '../../output/describe.ts';
import { parseCount, parseParts } from '../../parse.ts';
import type { Flag } from '../../verb.ts';

const words = quotaResources.map((resource) => quotaWords[resource]);

export const quotaFlag: Flag = {
  flags: '--quota <limits>',
  description: `at most: ${words.join('=N,')}=N, sizes as 64G; unlimited takes a limit away`,
  complete: () => words.map((word) => `${word}=`),
};

/** `instances=10,memory=64G,disk=unlimited`. @throws GantryError `invalid_argument` */
export function parseQuota(text: string): Partial<Record<QuotaResource, number | null>> {
  const parts = parseParts(text, words);
  const limits = quotaResources.flatMap((resource): [QuotaResource, number | null][] => {
    const value = parts[quotaWords[resource]];
    return value === undefined ? [] : [[resource, limitOf(resource, value)]];
  });
  return Object.fromEntries(limits);
}

function limitOf(resource: QuotaResource, text: string): number | null {
  if (text === 'unlimited') return null;
  return isMiB(resource) ? parseMiB(text) : parseCount(text);
}

/** Of a new project: `unlimited` is what it is without a word. @throws GantryError `invalid_argument` */
export function parseNewQuota(text: string): Partial<Record<QuotaResource, number>> {
  const limits = Object.entries(parseQuota(text)).map(([resource, limit]) => {
    if (limit !== null) return [resource, limit];
    throw err('invalid_argument', { what: `${resource}=unlimited`, wanted: 'needed: leave it out' });
  });
  return Object.fromEntries(limits) as Partial<Record<QuotaResource, number>>;
}

/** What it has of what it may have. */
export const usageTable = ({ spec, status }: Project): string =>
  subTable(
    ['', 'USED', 'QUOTA'],
    quotaResources.map((resource) => {
      const limit = spec.quota?.[resource];
      const used = (status.usage ?? noUsage)[resource];
      return [
        quotaWords[resource],
        formatUsage(resource, used),
        limit === undefined
          ? 'unlimited'
          : formatUsage(resource, limit) + (used > limit ? ' (exceeded)' : ''),
      ];
    }),
  );
