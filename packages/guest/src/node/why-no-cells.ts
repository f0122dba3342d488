/** Why a guest’s NUMA cells have no room on a node: what would have to be different for them to fit. */
import type { Rejection } from '@gantry/model';
import { type FitOptions, fitNuma } from '../numa/fit.ts';
import type { GuestCell, GuestTopology } from '../numa/guest-cells.ts';
import { freeCpus, freeMemoryMiB, type HostCell } from '../numa/host-cell.ts';

/** Each relaxation is tried by itself; the first that helps is the reason. */
export function whyNoCells(
  topology: GuestTopology,
  hosts: readonly HostCell[],
  options: FitOptions,
): Rejection {
  if (hosts.length < topology.cells.length)
    return short('numa-cells', 'NUMA cells', topology.cells.length, hosts.length, 'cells');
  const helps = (changed: Partial<GuestTopology>) =>
    fitNuma({ ...topology, ...changed }, hosts, options) !== undefined;
  const { pageSize: _, ...unpaged } = topology;
  if (topology.pageSize !== undefined && fitNuma(unpaged, hosts, options)) return pages(topology, hosts);
  const { threads, ...anyThreads } = topology.cpus;
  if (threads !== undefined && helps({ cpus: anyThreads }))
    return { test: 'cpu-threads', message: threadWords[threads] ?? 'no cores with threads as asked' };
  if (helps({ cells: topology.cells.map((cell) => ({ ...cell, memoryMiB: 0 })) }))
    return memory(topology, hosts);
  if (helps({ cells: topology.cells.map((cell) => ({ ...cell, dedicated: [] })) }))
    return cpus(topology, hosts);
  const pinned = topology.cells.some(({ dedicated }) => dedicated.length > 0);
  return pinned
    ? cpus(topology, hosts)
    : { test: 'numa-cells', message: 'CPUs, memory and pages of no set of its NUMA cells suffice together' };
}

const threadWords: Readonly<Record<string, string>> = {
  isolate:
    'hw:cpu_thread_policy=isolate finds no idle core for each vCPU, or shared and dedicated CPUs are told apart on cores with threads',
  require: 'hw:cpu_thread_policy=require finds no cores with free sibling threads',
};

function pages({ pageSize, cells }: GuestTopology, hosts: readonly HostCell[]): Rejection {
  const sizes = hosts[0]?.pages.map(({ sizeKiB }) => sizeKiB).toSorted((a, b) => a - b) ?? [];
  const candidates =
    typeof pageSize === 'number' ? [pageSize] : pageSize === 'large' ? sizes.slice(1) : sizes;
  const sizeKiB = candidates.find((size) => hosts.some((host) => freePages(host, size) > 0)) ?? candidates[0];
  if (sizes.length < 2 && pageSize === 'large')
    return { test: 'huge-pages', message: 'no huge pages: the CPU or kernel does not know them' };
  const name = `pages of ${sizeKiB === undefined ? 'that size' : sizeName(sizeKiB)} in a NUMA cell`;
  if (sizeKiB === undefined || !sizes.includes(sizeKiB))
    return { test: 'huge-pages', message: `no ${name}: the CPU or kernel does not know them` };
  if (hosts.every((host) => host.pages.every((pool) => pool.sizeKiB !== sizeKiB || pool.total === 0)))
    return { test: 'huge-pages', message: `no ${name}: none are reserved (vm.nr_hugepages)` };
  const needed = Math.max(...cells.map(({ memoryMiB }) => Math.ceil((memoryMiB * 1024) / sizeKiB)));
  return short(
    'huge-pages',
    name,
    needed,
    Math.max(...hosts.map((host) => freePages(host, sizeKiB))),
    'pages',
  );
}

const freePages = ({ pages: pools }: HostCell, sizeKiB: number): number => {
  const pool = pools.find((candidate) => candidate.sizeKiB === sizeKiB);
  return pool ? Math.max(0, pool.total - pool.taken) : 0;
};

const sizeName = (sizeKiB: number): string =>
  sizeKiB >= 2 ** 20
    ? `${sizeKiB / 2 ** 20} GiB`
    : sizeKiB >= 1024
      ? `${sizeKiB / 1024} MiB`
      : `${sizeKiB} KiB`;

const memory = ({ cells }: GuestTopology, hosts: readonly HostCell[]): Rejection =>
  short(
    'cell-memory',
    'memory in a NUMA cell',
    largest(cells, (cell) => cell.memoryMiB),
    most(hosts, freeMemoryMiB),
    'MiB',
  );

function cpus({ cells, cpus: placement }: GuestTopology, hosts: readonly HostCell[]): Rejection {
  const extra = placement.emulator === 'isolate' ? 1 : 0;
  const needed = largest(cells, (cell) => cell.dedicated.length) + extra;
  if (needed === extra)
    return short(
      'shared-cpus',
      'shared CPUs in a NUMA cell',
      largest(cells, (cell) => cell.shared.length),
      most(hosts, (host) => host.sharedCpus.length),
      'CPUs',
    );
  if (hosts.every(({ dedicatedCpus }) => dedicatedCpus.length === 0))
    return {
      test: 'dedicated-cpus',
      message: 'it has no dedicated CPUs (dedicatedCpus of node, group or cluster)',
    };
  const inOne = most(hosts, (host) => freeCpus(host).length);
  const name = 'free dedicated CPUs in a NUMA cell';
  return needed > inOne
    ? short('dedicated-cpus', name, needed, inOne, 'CPUs')
    : { test: 'dedicated-cpus', message: `not enough ${name} for every cell of the guest` };
}

const largest = (cells: readonly GuestCell[], of: (cell: GuestCell) => number): number =>
  Math.max(...cells.map(of));
const most = (hosts: readonly HostCell[], of: (host: HostCell) => number): number =>
  Math.max(0, ...hosts.map(of));

const short = (test: string, what: string, needed: number, available: number, unit: string): Rejection => ({
  test,
  message: `${what}: short by ${Math.max(1, needed - available)} ${unit}`,
  needed,
  available,
  unit,
});
