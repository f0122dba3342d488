/** What a project may have at most, and what it has. Pure. */

import { formatBytes } from '../quantities.ts';
import { count, optional, type Static, strict } from '../schema.ts';

/** In the order of messages; each with its unit. */
export const quotaResources = ['instances', 'vcpus', 'memoryMiB', 'diskMiB', 'addresses'] as const;
export type QuotaResource = (typeof quotaResources)[number];

const bounds = {
  instances: count('instances, running or not', 1e9),
  vcpus: count('virtual CPUs of all instances, running or not', 1e9),
  memoryMiB: count('memory of all instances, running or not (MiB)', 2 ** 40),
  diskMiB: count('size of all disks, attached or not (MiB)', 2 ** 40),
  addresses: count('IPv4 and IPv6 addresses of all NICs', 1e9),
};

export const Quota = strict({
  instances: optional(bounds.instances),
  vcpus: optional(bounds.vcpus),
  memoryMiB: optional(bounds.memoryMiB),
  diskMiB: optional(bounds.diskMiB),
  addresses: optional(bounds.addresses),
});
export type Quota = Static<typeof Quota>;

export const Usage = strict(bounds, { description: 'what it has now' });
export type Usage = Static<typeof Usage>;

export const noUsage: Usage = { instances: 0, vcpus: 0, memoryMiB: 0, diskMiB: 0, addresses: 0 };

/** As people write it in `--quota`, and read it. */
export const quotaWords: Readonly<Record<QuotaResource, string>> = {
  instances: 'instances',
  vcpus: 'vcpus',
  memoryMiB: 'memory',
  diskMiB: 'disk',
  addresses: 'addresses',
};

export const isMiB = (resource: QuotaResource): boolean => resource === 'memoryMiB' || resource === 'diskMiB';
export const formatUsage = (resource: QuotaResource, amount: number): string =>
  isMiB(resource) ? formatBytes(amount * 2 ** 20) : String(amount);

/** One limit that would be passed. */
export interface Excess {
  resource: QuotaResource;
  used: number;
  limit: number;
  needed: number;
}

/** What is above its limit and rises: what was above it already may stay, and shrink. */
export function excesses(quota: Quota, before: Usage, after: Usage): Excess[] {
  return quotaResources.flatMap((resource) => {
    const limit = quota[resource];
    const [used, then] = [before[resource], after[resource]];
    return limit === undefined || then <= limit || then <= used
      ? []
      : [{ resource, used, limit, needed: then - used }];
  });
}

/** `vcpus: 18 of 20 used, 4 needed`. */
export const describeExcess = ({ resource, used, limit, needed }: Excess): string => {
  const [has, most, more] = [used, limit, needed].map((amount) => formatUsage(resource, amount));
  return `${quotaWords[resource]}: ${has} of ${most} used, ${more} needed`;
};

/** The quota that would do, as `--quota` takes it: `vcpus=22,memory=68G`. */
export const sufficientQuota = (all: readonly Excess[]): string =>
  all
    .map(({ resource, used, needed }) => {
      const amount = used + needed;
      return `${quotaWords[resource]}=${isMiB(resource) ? sizeOf(amount) : amount}`;
    })
    .join(',');

const sizeOf = (mib: number): string => (mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`);
