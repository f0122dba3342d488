/** What a node lacks for a guest, and what of it comes free. Pure. */
import { formatBytes, type NodeCapacity, type Requirements } from '@gantry/model';
import { freeDiskMiB, freeMemoryMiB, freeVcpus, type Lack } from '@gantry/placement';

const MIB = 2 ** 20;

type Needs = Pick<Requirements, 'memoryMiB' | 'vcpus' | 'diskMiB'>;

/** 0 where there is enough. */
export function lackOf(node: NodeCapacity, { memoryMiB, vcpus, diskMiB }: Needs): Lack {
  const disks = Object.entries(diskMiB).map(([name, mib]) => [name, short(mib, freeDiskMiB(node, name))]);
  return {
    memoryMiB: short(memoryMiB, freeMemoryMiB(node)),
    vcpus: short(vcpus, freeVcpus(node)),
    diskMiB: Object.fromEntries(disks),
  };
}

const short = (needed: number, free: number): number => Math.max(0, needed - free);

/** ` (frees 22 GiB on n2)`: of the first that was lacking. Empty where nothing was. */
export function freedText(before: NodeCapacity, after: NodeCapacity, needs: Needs): string {
  const lack = lackOf(before, needs);
  const on = ` on ${before.name})`;
  const gained = (free: (node: NodeCapacity) => number) => free(after) - free(before);
  if (lack.memoryMiB > 0) return ` (frees ${formatBytes(gained(freeMemoryMiB) * MIB)}${on}`;
  if (lack.vcpus > 0) return ` (frees ${gained(freeVcpus)} vCPUs${on}`;
  const [storage] = Object.entries(lack.diskMiB).find(([, mib]) => mib > 0) ?? [];
  if (storage === undefined) return '';
  return ` (frees ${formatBytes(gained((node) => freeDiskMiB(node, storage)) * MIB)} of disk${on}`;
}
