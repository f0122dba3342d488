/** Does an instance fit a group's policy? Source: Ganeti's `instMatchesPolicy`. */
import type { InstanceSpec, Policy, Spec } from '../ganeti/cluster-data.ts';

export interface PolicyRefusal {
  what: string;
  needed: number;
  /** The bound that it breaks. */
  allowed: number;
}

/** What stands against it in the range that it comes nearest to; undefined: it fits. */
export function refusedByPolicy(
  spec: InstanceSpec,
  policy: Policy,
  exclusiveStorage: boolean,
): PolicyRefusal | undefined {
  if (!policy.templates.includes(spec.template))
    return {
      what: `disk template ${spec.template} (allowed: ${policy.templates.join(', ')})`,
      needed: 1,
      allowed: 0,
    };
  const found = policy.ranges.map((range) => outside(spec, range, exclusiveStorage));
  return found.includes(undefined) ? undefined : found[0];
}

function outside(
  spec: InstanceSpec,
  { min, max }: { min: Spec; max: Spec },
  exclusiveStorage: boolean,
): PolicyRefusal | undefined {
  const spindles = exclusiveStorage ? spec.diskSpindles : spec.spindleUse;
  if (spindles === undefined) return { what: 'spindles of its disks are not given', needed: 1, allowed: 0 };
  const disks =
    spec.template === 'diskless' ? undefined : within('disks', spec.disks.length, min.disks, max.disks);
  return (
    within('memory', spec.memory, min.memory, max.memory) ??
    anyDisk(spec.disks, min.disk, max.disk) ??
    within('vCPUs', spec.vcpus, min.vcpus, max.vcpus) ??
    within('spindles', spindles, min.spindles, max.spindles) ??
    disks
  );
}

function anyDisk(sizes: readonly number[], low: number, high: number): PolicyRefusal | undefined {
  for (const size of sizes) {
    const found = within('disk', size, low, high);
    if (found) return found;
  }
  return undefined;
}

function within(what: string, needed: number, low: number, high: number): PolicyRefusal | undefined {
  if (needed < low) return { what: `${what} below the policy’s least`, needed, allowed: low };
  return needed > high ? { what: `${what} above the policy’s most`, needed, allowed: high } : undefined;
}
