/**
 * A guest's cells onto a node's cells. Pure; the answer is the same as Nova's (numa_fit_instance_to_host, 26.2.2):
 * emptier cells first, or fuller ones where the node packs; the first combination that fits is taken.
 */
import type { FitCell } from '@gantry/model';
import { ascending } from './cpu-list.ts';
import type { CpuPlacement } from './cpu-policy.ts';
import type { GuestCell, GuestTopology } from './guest-cells.ts';
import { freeCpus, freeMemoryMiB, type HostCell, type Overcommit, smallestPage } from './host-cell.ts';
import { type Pinning, packOntoCores } from './pack.ts';
import type { PageSize } from './page-size.ts';

export interface FitOptions {
  readonly overcommit: Overcommit;
  /** Fill used cells first. */
  readonly pack: boolean;
}

/** The cells in the guest's order; undefined where the node has no room. */
export function fitNuma(
  topology: GuestTopology,
  hostCells: readonly HostCell[],
  options: FitOptions,
): FitCell[] | undefined {
  if (hostCells.length < topology.cells.length) return undefined;
  const ordered =
    hostCells.length === topology.cells.length
      ? hostCells
      : orderCells(hostCells, topology.cpus, options.pack);
  const fitted = new Map<string, FitCell | undefined>();
  const fit = (host: HostCell, index: number): FitCell | undefined => {
    const pair = `${host.id} ${index}`;
    if (!fitted.has(pair)) fitted.set(pair, fitCell(topology, index, host, options.overcommit));
    return fitted.get(pair);
  };
  return search(ordered, topology.cells.length, fit);
}

/** Depth first in the order of the cells: the first complete choice. */
function search(
  hosts: readonly HostCell[],
  count: number,
  fit: (host: HostCell, index: number) => FitCell | undefined,
  chosen: readonly FitCell[] = [],
): FitCell[] | undefined {
  if (chosen.length === count) return [...chosen];
  for (const host of hosts) {
    if (chosen.some((cell) => cell.hostCell === host.id)) continue;
    const next = fit(host, chosen.length);
    const found = next && search(hosts, count, fit, [...chosen, next]);
    if (found) return found;
  }
  return undefined;
}

/** By free memory, then by free CPUs of the kind that is asked for; both orders keep what is equal in its place. */
function orderCells(cells: readonly HostCell[], cpus: CpuPlacement, pack: boolean): HostCell[] {
  const sign = pack ? 1 : -1;
  const byMemory = cells.toSorted((a, b) => sign * (freeMemoryMiB(a) - freeMemoryMiB(b)));
  return cpus.policy === 'dedicated' || cpus.policy === 'mixed'
    ? byMemory.toSorted((a, b) => sign * (freeCpus(a).length - freeCpus(b).length))
    : byMemory.toSorted((a, b) => -sign * (a.sharedUsed - b.sharedUsed));
}

function fitCell(
  { cells, cpus, pageSize }: GuestTopology,
  index: number,
  host: HostCell,
  overcommit: Overcommit,
): FitCell | undefined {
  const cell = cells[index];
  // QEMU's own threads are placed with the guest's first cell.
  const reserve = cpus.emulator === 'isolate' && index === 0 ? 1 : 0;
  if (!cell || !cpusFit(cell, host, cpus, reserve)) return undefined;
  const pageKiB = pageSize === undefined ? undefined : pageFor(pageSize, cell, host);
  if (pageSize === undefined ? !memoryFits(cell, host) : pageKiB === undefined) return undefined;
  const shares = cpus.policy !== 'dedicated';
  if (shares && !withinOvercommit(cell, host, overcommit)) return undefined;
  const pins = cpus.policy === 'dedicated' || cpus.policy === 'mixed';
  const pinning = pins
    ? packOntoCores(host, { vcpus: cell.dedicated, threads: cpus.threads, reserve })
    : undefined;
  if (pins && (!pinning || cell.memoryMiB > freeMemoryMiB(host))) return undefined;
  return placed(cell, host, cpus, pageKiB, pinning);
}

function placed(
  cell: GuestCell,
  host: HostCell,
  cpus: CpuPlacement,
  pageKiB: number | undefined,
  pinning: Pinning | undefined,
): FitCell {
  const smallestPageKiB = smallestPage(host);
  const own = [...(pinning?.pins.values() ?? [])];
  const alone = cpus.threads === 'isolate' ? withSiblings(own, host) : own;
  return {
    hostCell: host.id,
    vcpus: ascending([...cell.shared, ...cell.dedicated]),
    memoryMiB: cell.memoryMiB,
    ...(pageKiB === undefined ? {} : { pageKiB }),
    ...(smallestPageKiB === undefined ? {} : { smallestPageKiB }),
    sharedCpus: [...host.sharedCpus],
    pins: [...(pinning?.pins ?? [])].map(([vcpu, cpu]) => ({ vcpu, cpu })),
    ...(pinning && pinning.reserved.length > 0 ? { emulatorCpus: [...pinning.reserved] } : {}),
    claimedCpus: ascending([...alone, ...(pinning?.reserved ?? [])]),
  };
}

/** Each isolated vCPU has its core for itself. */
const withSiblings = (cpus: readonly number[], { cores }: HostCell): number[] => [
  ...cpus,
  ...cores.filter((core) => core.some((cpu) => cpus.includes(cpu))).flat(),
];

/** A guest never shares a CPU with itself. */
function cpusFit(cell: GuestCell, host: HostCell, cpus: CpuPlacement, reserve: number): boolean {
  const pinned = cell.dedicated.length + reserve;
  if (cpus.policy === 'dedicated') return pinned <= freeCpus(host).length;
  if (cpus.policy === 'mixed' && pinned > freeCpus(host).length) return false;
  return cell.shared.length <= host.sharedCpus.length;
}

/** Ordinary pages may be promised twice among guests, but no guest is larger than the cell. */
function memoryFits(cell: GuestCell, host: HostCell): boolean {
  const smallest = smallestPage(host);
  if (smallest === undefined) return cell.memoryMiB <= host.memoryMiB;
  const pool = host.pages.find((p) => p.sizeKiB === smallest);
  return pool !== undefined && isWhole(cell, smallest) && cell.memoryMiB * 1024 <= pool.total * smallest;
}

const isWhole = (cell: GuestCell, sizeKiB: number): boolean => (cell.memoryMiB * 1024) % sizeKiB === 0;

/** KiB of the pages that are taken, undefined where there are not enough. */
function pageFor(asked: PageSize, cell: GuestCell, host: HostCell): number | undefined {
  const sizes = host.pages.map((pool) => pool.sizeKiB).sort((a, b) => b - a);
  const wanted: Record<string, number[]> = { small: sizes.slice(-1), large: sizes.slice(0, -1), any: sizes };
  const candidates = typeof asked === 'number' ? [asked] : (wanted[asked] ?? []);
  return candidates.find((size) => {
    const pool = host.pages.find((p) => p.sizeKiB === size);
    return pool && isWhole(cell, size) && cell.memoryMiB * 1024 <= (pool.total - pool.taken) * size;
  });
}

const withinOvercommit = (cell: GuestCell, host: HostCell, { cpu, memory }: Overcommit): boolean =>
  host.sharedUsed + cell.shared.length <= host.sharedCpus.length * cpu &&
  host.memoryUsedMiB + cell.memoryMiB <= host.memoryMiB * memory;
