/** Which of its disks an instance's guest has, and where. Pure. */
import type { Disk, InstanceSpec } from '@gantry/model';

/**
 * By their places. In rescue its rescue disk is the first, and its own follow, each one place further. What is being made
 * for it or removed stands aside.
 */
export function guestDisks(spec: Pick<InstanceSpec, 'rescue'>, disks: readonly Disk[]): Disk[] {
  const own = disks
    .filter(({ spec: { role } }) => role === undefined)
    .toSorted((a, b) => a.spec.index - b.spec.index);
  const rescue = spec.rescue && disks.find(({ id }) => id === spec.rescue?.disk);
  if (!rescue) return own;
  return [at(rescue, 0), ...own.map((disk) => at(disk, disk.spec.index + 1))];
}

const at = (disk: Disk, index: number): Disk => ({ ...disk, spec: { ...disk.spec, index } });
