/** What a binding holds of its node beyond what its guest is granted. */
import type { GuestSpec, Instance } from '@gantry/model';

type Granted = Pick<GuestSpec['input'], 'vcpus' | 'memoryMiB'>;

/** What its next start takes, and the size that a resize may go back to, where one of them is more. */
export function reservedFor({ spec }: Pick<Instance, 'spec'>, granted: Granted): Pick<GuestSpec, 'reserved'> {
  const sizes = [spec, granted, ...(spec.resize ? [spec.resize.from] : [])];
  const vcpus = Math.max(...sizes.map((size) => size.vcpus));
  const memoryMiB = Math.max(...sizes.map((size) => size.memoryMiB));
  const more = vcpus > granted.vcpus || memoryMiB > granted.memoryMiB;
  return more ? { reserved: { vcpus, memoryMiB } } : {};
}
