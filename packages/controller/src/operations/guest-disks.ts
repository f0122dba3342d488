/** Which of its disks an instance's guest has, and where. Pure. */
import type { Disk, InstanceSpec } from '@gantry/model';

/**
 * By their places. In rescue its rescue disk is the first, and its own follow, each one place further; or, where its image
 * asks for a drive of its own, it comes last, and they stay. What is being made for it or removed stands aside.
 */
export function guestDisks(spec: Pick<InstanceSpec, 'rescue'>, disks: readonly Disk[]): Disk[] {
  const own = disks
    .filter(({ spec: { role } }) => role === undefined)
    .toSorted((a, b) => a.spec.index - b.spec.index);
  const rescue = spec.rescue && disks.find(({ id }) => id === spec.rescue?.disk);
  if (!rescue) return own;
  if (spec.rescue?.drive)
    return [...own, at(rescue, 1 + Math.max(-1, ...own.map((disk) => disk.spec.index)))];
  return [at(rescue, 0), ...own.map((disk) => at(disk, disk.spec.index + 1))];
}

const at = (disk: Disk, index: number): Disk => ({ ...disk, spec: { ...disk.spec, index } });
