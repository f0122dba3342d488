/** How good a node is for it: what would be left, per resource. Lower is better; spreads load over nodes. */
import type { NodeCapacity, Requirements } from '@gantry/model';
import { freeDiskMiB, freeMemoryMiB, freeVcpus, reservedMiB, vcpuRatio } from './feasible.ts';
import type { PlacementPolicy } from './policy.ts';

export interface Score {
  total: number;
  parts: Record<string, number>;
}

/** What rules between guests add to the score of a node, by part. */
export type Wishes = (node: NodeCapacity) => Readonly<Record<string, number>>;

/** Each part is the used share after placing, 0..1; memory weighs double, as it cannot be overcommitted. */
export function scoreOf(
  node: NodeCapacity,
  needs: Requirements,
  policy: PlacementPolicy,
  wishes: Readonly<Record<string, number>> = {},
): Score {
  const parts: Record<string, number> = {
    memory:
      2 * used(node.memoryMiB - reservedMiB(node, policy), freeMemoryMiB(node, policy) - needs.memoryMiB),
    vcpus: used(node.cpus * vcpuRatio(node, policy), freeVcpus(node, policy) - needs.vcpus),
  };
  for (const [storage, needed] of Object.entries(needs.diskMiB))
    parts[`disk ${storage}`] = used(
      node.storage[storage]?.totalMiB ?? 0,
      freeDiskMiB(node, storage) - needed,
    );
  Object.assign(parts, wishes);
  const total = Object.values(parts).reduce((sum, part) => sum + part, 0);
  return { total: round(total), parts };
}

const used = (total: number, left: number): number => (total <= 0 ? 1 : round(1 - left / total));

/** Six places: enough to tell nodes apart, and equal on every machine. */
const round = (value: number): number => Math.round(value * 1e6) / 1e6;
