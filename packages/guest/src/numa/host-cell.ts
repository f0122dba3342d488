/** A NUMA cell of a node: what it has, and what guests took of it. Plain numbers, as placement counts them. */
import type { CpuList } from './cpu-list.ts';

export interface PagePool {
  readonly sizeKiB: number;
  readonly total: number;
  /** Taken by guests, or kept back for the node itself. */
  readonly taken: number;
}

export interface HostCell {
  readonly id: number;
  readonly memoryMiB: number;
  readonly memoryUsedMiB: number;
  /** CPUs for vCPUs without one of their own. */
  readonly sharedCpus: CpuList;
  /** CPUs that may be given to one vCPU each. */
  readonly dedicatedCpus: CpuList;
  readonly pinnedCpus: CpuList;
  /** vCPUs of guests that share CPUs here. */
  readonly sharedUsed: number;
  /** Threads of one core each, of those CPUs that guests may use. */
  readonly cores: readonly CpuList[];
  readonly pages: readonly PagePool[];
}

/** How far memory and shared CPUs may be promised more than once; 1 is not at all. */
export interface Overcommit {
  readonly cpu: number;
  readonly memory: number;
}

/** Neither taken nor kept back, of those that may be pinned. */
export const freeCpus = (cell: HostCell): CpuList =>
  cell.dedicatedCpus.filter((cpu) => !cell.pinnedCpus.includes(cpu));

export const freeMemoryMiB = (cell: HostCell): number => cell.memoryMiB - cell.memoryUsedMiB;

/** Smallest page size of a cell, KiB; undefined where the node does not tell its pages. */
export const smallestPage = (cell: HostCell): number | undefined =>
  cell.pages.length === 0 ? undefined : Math.min(...cell.pages.map((pool) => pool.sizeKiB));
