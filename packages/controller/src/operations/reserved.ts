/** What a binding holds of its node beyond what its guest is granted. */
import type { GuestSpec, HeldHardware, Instance } from '@gantry/model';

type Granted = Pick<GuestSpec['input'], 'vcpus' | 'memoryMiB'>;

interface Beside {
  /** Hardware that is held beside its fit. */
  hardware?: readonly HeldHardware[];
  /** A size that an operation may have to go back to. */
  back?: Granted;
}

/** What its next start takes, and the size that a resize may go back to, where one of them is more. */
export function reservedFor(
  { spec }: Pick<Instance, 'spec'>,
  granted: Granted,
  { hardware = [], back = granted }: Beside = {},
): Pick<GuestSpec, 'reserved'> {
  const sizes = [spec, granted, back, ...(spec.resize ? [spec.resize.from] : [])];
  const vcpus = Math.max(...sizes.map((size) => size.vcpus));
  const memoryMiB = Math.max(...sizes.map((size) => size.memoryMiB));
  const more = vcpus > granted.vcpus || memoryMiB > granted.memoryMiB || hardware.length > 0;
  if (!more) return {};
  return { reserved: { vcpus, memoryMiB, ...(hardware.length > 0 ? { hardware: [...hardware] } : {}) } };
}
