/** The NUMA cells of a node, as far as guests may use them, and what the guests bound there have taken of them. */
import type { Fit, HostPolicy, NodeCell, NodeHardware } from '@gantry/model';
import { ascending, type CpuList, parseCpuList } from '../numa/cpu-list.ts';
import type { HostCell, PagePool } from '../numa/host-cell.ts';

export interface CpuSets {
  /** For vCPUs without a CPU of their own. */
  readonly shared: CpuList;
  /** That may be given to one vCPU each. */
  readonly dedicated: CpuList;
  /** An operator told them apart. */
  readonly apart: boolean;
}

/**
 * As Nova reads its two options: where neither is set each CPU may be shared or pinned; where only one is, there are
 * no CPUs of the other kind. CPUs that the node has not are passed over.
 */
export function cpuSetsOf({ cells }: Pick<NodeHardware, 'cells'>, policy: HostPolicy): CpuSets {
  const all = cpusOf(cells);
  const listed = (text: string | undefined) => {
    const wanted = text === undefined ? undefined : new Set(parseCpuList(text));
    return wanted && all.filter((cpu) => wanted.has(cpu));
  };
  const shared = listed(policy.sharedCpus);
  const dedicated = listed(policy.dedicatedCpus);
  const apart = shared !== undefined || dedicated !== undefined;
  return { shared: shared ?? (apart ? [] : all), dedicated: dedicated ?? (apart ? [] : all), apart };
}

/** Sorted once for each node that is known: placement asks for every guest anew. */
function cpusOf(cells: readonly NodeCell[]): CpuList {
  const cpus = known.get(cells) ?? ascending(cells.flatMap(({ cores }) => cores.flat()));
  known.set(cells, cpus);
  return cpus;
}
const known = new WeakMap<readonly NodeCell[], CpuList>();

/** @param taken what is bound to the node already */
export function hostCellsOf(
  hardware: Pick<NodeHardware, 'cells'>,
  policy: HostPolicy,
  taken: readonly Fit[],
): HostCell[] {
  const sets = cpuSetsOf(hardware, policy);
  const usable = new Set([...sets.shared, ...sets.dedicated]);
  return hardware.cells.map((cell) => {
    const cpus = ascending(cell.cores.flat());
    const placed = taken.flatMap(({ cells = [] }) => cells.filter(({ hostCell }) => hostCell === cell.id));
    return {
      id: cell.id,
      memoryMiB: cell.memoryMiB,
      memoryUsedMiB: sum(placed.map(({ memoryMiB }) => memoryMiB)),
      sharedCpus: cpus.filter((cpu) => sets.shared.includes(cpu)),
      dedicatedCpus: cpus.filter((cpu) => sets.dedicated.includes(cpu)),
      // A CPU of another cell can be among them: they are the node’s, wherever their guest lies.
      pinnedCpus: ascending(taken.flatMap(({ cells = [] }) => cells.flatMap((other) => other.claimedCpus))),
      sharedUsed: sum(placed.map(({ vcpus, pins }) => vcpus.length - pins.length)),
      cores: cell.cores
        .map((core) => core.filter((cpu) => usable.has(cpu)))
        .filter((core) => core.length > 0),
      pages: cell.pages.map((pool) => pagePool(pool, cell, placed, policy)),
    };
  });
}

function pagePool(
  { sizeKiB, total }: NodeCell['pages'][number],
  cell: NodeCell,
  placed: readonly NonNullable<Fit['cells']>[number][],
  { reservedPages = [] }: HostPolicy,
): PagePool {
  const byGuests = placed
    .filter(({ pageKiB }) => pageKiB === sizeKiB)
    .map(({ memoryMiB }) => (memoryMiB * 1024) / sizeKiB);
  const keptBack = reservedPages
    .filter((pages) => pages.cell === cell.id && pages.sizeKiB === sizeKiB)
    .map(({ count }) => count);
  return { sizeKiB, total, taken: sum([...byGuests, ...keptBack]) };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
