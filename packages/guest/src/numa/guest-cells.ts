/** The NUMA cells that a guest asks for, by count, by map, or because pages or pinning need a cell. */
import { invalid, refused } from '../refusal.ts';
import type { Values } from '../specs/read.ts';
import { integerOf, type Settings } from '../specs/settings.ts';
import { type CpuList, cpusUpTo, parseCpuList } from './cpu-list.ts';
import { type CpuPlacement, cpuPlacement } from './cpu-policy.ts';
import { type PageSize, pageSizeFrom } from './page-size.ts';

export interface GuestCell {
  /** vCPUs that share host CPUs. */
  readonly shared: CpuList;
  /** vCPUs with a host CPU of their own. */
  readonly dedicated: CpuList;
  readonly memoryMiB: number;
}

export interface GuestTopology {
  readonly cells: readonly GuestCell[];
  readonly pageSize?: PageSize;
  readonly cpus: CpuPlacement;
}

interface Size {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

/**
 * Undefined where nothing asks for a cell: then libvirt and the kernel place the guest as they like.
 * @throws GantryError `invalid_property`, `property_conflict`, `guest_refused`
 */
export function guestTopology(settings: Settings, size: Size): GuestTopology | undefined {
  const cpus = cpuPlacement(settings, size.vcpus);
  const nodes = nodeCount(settings);
  const pageSize = pageSizeFrom(settings);
  const pinned = cpus.policy === 'dedicated' || cpus.policy === 'mixed';
  if (!nodes && !pageSize && !pinned && !settings.flavor.has('hw:pmem')) return undefined;
  const cells = cellsFrom(settings, nodes ?? 1, size, cpus);
  return { cells, cpus, ...(pageSize === undefined ? {} : { pageSize }) };
}

function nodeCount(settings: Settings): number | undefined {
  const flavor = integerOf(settings, 'flavor', 'hw:numa_nodes');
  const image = integerOf(settings, 'image', 'hw_numa_nodes');
  if (flavor?.value && image?.value) throw imageForbidden('hw_numa_nodes', image.value);
  const found = flavor ?? image;
  if (found && found.value < 1)
    throw invalid(
      found.source,
      String(found.value),
      'a guest has one cell at least',
      'InvalidNUMANodesNumber',
    );
  return found?.value;
}

const imageForbidden = (key: string, value: unknown) =>
  invalid(key, String(value), 'the flavor says it already', 'ImageNUMATopologyForbidden');

function cellsFrom(settings: Settings, nodes: number, size: Size, cpus: CpuPlacement): GuestCell[] {
  const cpuMap = mapOf(settings, 'numa_cpus', (text) => parseCpuList(String(text)));
  const memoryMap = mapOf(settings, 'numa_mem', Number);
  const dedicated = new Set(cpus.dedicated);
  const cell = (all: CpuList, memoryMiB: number): GuestCell => ({
    shared: all.filter((cpu) => !dedicated.has(cpu)),
    dedicated: all.filter((cpu) => dedicated.has(cpu)),
    memoryMiB,
  });
  if (!cpuMap && !memoryMap) return evenly(nodes, size).map((part) => cell(part.cpus, part.memoryMiB));
  if (cpuMap?.length !== nodes || memoryMap?.length !== nodes)
    throw invalid(
      'hw:numa_nodes',
      String(nodes),
      `hw:numa_cpus.N and hw:numa_mem.N must both be there for each N from 0 to ${nodes - 1}`,
      'ImageNUMATopologyIncomplete',
    );
  checkMaps(cpuMap, memoryMap, size);
  return cpuMap.map((all, index) => cell(all, memoryMap[index] ?? 0));
}

/** KEY.0, KEY.1, ... as far as they go without a gap, of flavor or image. */
function mapOf<T>(settings: Settings, key: string, read: (text: unknown) => T): T[] | undefined {
  const flavor = listOf(settings.flavor, `hw:${key}`, read);
  const image = listOf(settings.image, `hw_${key}`, read);
  if (flavor.length > 0 && image.length > 0) throw imageForbidden(`hw_${key}`, image[0]);
  const found = flavor.length > 0 ? flavor : image;
  return found.length > 0 ? found : undefined;
}

function listOf<T>(values: Values, prefix: string, read: (text: unknown) => T): T[] {
  const list: T[] = [];
  for (;;) {
    const next = values.get(`${prefix}.${list.length}`);
    if (!next) return list;
    list.push(read(next.value));
  }
}

function evenly(nodes: number, { vcpus, memoryMiB }: Size) {
  if (vcpus % nodes !== 0 || memoryMiB % nodes !== 0)
    throw invalid(
      'hw:numa_nodes',
      String(nodes),
      `${vcpus} vCPUs and ${memoryMiB} MiB cannot be split evenly; say hw:numa_cpus.N and hw:numa_mem.N`,
      'ImageNUMATopologyAsymmetric',
    );
  const share = vcpus / nodes;
  return cpusUpTo(nodes).map((node) => ({
    cpus: cpusUpTo(share).map((cpu) => node * share + cpu),
    memoryMiB: memoryMiB / nodes,
  }));
}

function checkMaps(
  cpuMap: readonly CpuList[],
  memoryMap: readonly number[],
  { vcpus, memoryMiB }: Size,
): void {
  const seen = new Set<number>();
  for (const cpu of cpuMap.flat()) {
    if (cpu >= vcpus)
      throw refusedMap(`vCPU ${cpu} is none of the ${vcpus} vCPUs`, 'ImageNUMATopologyCPUOutOfRange');
    if (seen.has(cpu)) throw refusedMap(`vCPU ${cpu} is in two cells`, 'ImageNUMATopologyCPUDuplicates');
    seen.add(cpu);
  }
  const left = cpusUpTo(vcpus).filter((cpu) => !seen.has(cpu));
  if (left.length > 0)
    throw refusedMap(`vCPU ${left.join(', ')} is in no cell`, 'ImageNUMATopologyCPUsUnassigned');
  const sum = memoryMap.reduce((total, part) => total + part, 0);
  if (sum !== memoryMiB)
    throw refusedMap(
      `its cells have ${sum} MiB together, the flavor has ${memoryMiB} MiB`,
      'ImageNUMATopologyMemoryOutOfRange',
    );
}

const refusedMap = (why: string, nova: string) => refused(`of its NUMA map, ${why}`, nova);
