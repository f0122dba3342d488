/** A case’s host as facts: what it has, and its NUMA cells with what is taken of them. */
import type { NodeFirmware } from '@gantry/model';
import type { HostFacts } from '../host-facts.ts';
import { ascending, type CpuList } from '../numa/cpu-list.ts';
import type { HostCell, PagePool } from '../numa/host-cell.ts';
import { parsePageSize } from '../numa/page-size.ts';
import type { Accelerator } from '../profiles.ts';
import { nodeUnfit } from '../refusal.ts';
import type { CaseHost } from './case.ts';
import { x86Models } from './cpu-models.ts';
import { type CpuSets, cpuSets } from './node-config.ts';
import type { Options } from './options.ts';

export function hostFactsFrom(host: CaseHost, options: Options): HostFacts {
  const version = host.libvirt_version?.split('.').map(Number);
  return {
    architecture: host.arch,
    accelerator: acceleratorOf(options),
    machineAliases: host.machine_aliases ?? {},
    directIo: host.direct_io ?? true,
    uefi: host.uefi ?? false,
    secureBoot: host.secure_boot ?? false,
    lacks:
      host.cpu_cgroup_controller === false
        ? { cpuTime: 'its kernel has no cgroup controller for CPU time' }
        : {},
    cpuModelFeatures: host.cpu_model_features ?? {},
    overcommit: { cpu: host.cpu_allocation_ratio ?? 4, memory: host.ram_allocation_ratio ?? 1 },
    cells: cellsOf(host, options),
    ...(host.arch === 'x86_64' ? { cpuModels: x86Models } : {}),
    ...(host.machine_types ? { machineTypes: host.machine_types } : {}),
    ...(host.sev
      ? { sev: { cbitPosition: host.sev.cbitpos, reducedPhysBits: host.sev.reduced_phys_bits } }
      : {}),
    ...(host.kernel_release === undefined ? {} : { kernelRelease: host.kernel_release }),
    ...(version ? { libvirtVersion: version } : {}),
    ...(host.existing_paths ? { devices: host.existing_paths } : {}),
    // Without descriptors libvirt chooses.
    ...(host.firmwares ? { firmware: host.firmwares.map(descriptor) } : {}),
    ...(host.uuid === undefined ? {} : { systemUuid: host.uuid }),
  };
}

function acceleratorOf(options: Options): Accelerator {
  const type = options.text('libvirt', 'virt_type') ?? 'kvm';
  if (type !== 'kvm' && type !== 'qemu')
    throw nodeUnfit(`virt_type=${type} is not built`, 'Use kvm or qemu.', 'UnsupportedVirtType');
  return type === 'kvm' ? 'kvm' : 'tcg';
}

const descriptor = (firmware: NonNullable<CaseHost['firmwares']>[number]): NodeFirmware => ({
  loader: firmware.executable,
  architecture: firmware.architecture,
  machines: firmware.machines,
  features: firmware.features,
  ...(firmware.nvram_template === undefined ? {} : { variables: firmware.nvram_template }),
});

type Cell = NonNullable<CaseHost['numa_cells']>[number];

function cellsOf(host: CaseHost, options: Options): HostCell[] {
  const cells = host.numa_cells ?? [];
  const all = cells.flatMap((cell) => cell.cpus.map((cpu) => cpu.id));
  const usable = usableCpus(cpuSets(options), all);
  return cells.map((cell) => cellOf(cell, host, usable, options));
}

interface Usable {
  readonly shared: ReadonlySet<number>;
  readonly dedicated: ReadonlySet<number>;
}

/** Where nothing tells them apart, each CPU may be shared or pinned. */
function usableCpus({ shared, dedicated, pinSet }: CpuSets, all: CpuList): Usable {
  const online = new Set(all);
  for (const cpu of [...(shared ?? []), ...(dedicated ?? []), ...(pinSet ?? [])])
    if (!online.has(cpu))
      throw nodeUnfit(`CPU ${cpu} is configured for guests, and the host has none`, 'Correct it.');
  const forSharing = new Set(pinSet ?? shared ?? (dedicated ? [] : all));
  const pinnable = dedicated ?? (shared && !pinSet ? [] : forSharing);
  return { shared: forSharing, dedicated: new Set(pinnable) };
}

function cellOf(cell: Cell, host: CaseHost, { shared, dedicated }: Usable, options: Options): HostCell {
  const cpus = ascending(cell.cpus.map((cpu) => cpu.id));
  const usage = host.usage?.find((used) => used.id === cell.id);
  return {
    id: cell.id,
    memoryMiB: cell.memory_kb / 1024,
    memoryUsedMiB: usage?.memory_usage_mb ?? 0,
    sharedCpus: cpus.filter((cpu) => shared.has(cpu)),
    dedicatedCpus: cpus.filter((cpu) => dedicated.has(cpu)),
    pinnedCpus: usage?.pinned_cpus ?? [],
    sharedUsed: usage?.cpu_usage ?? 0,
    cores: coresOf(cell, (cpu) => shared.has(cpu) || dedicated.has(cpu)),
    pages: pagesOf(cell, usage?.pages_used ?? [], reservedPages(options, cell.id)),
  };
}

/** Each core once, with those of its threads that guests may use. */
function coresOf(cell: Cell, usable: (cpu: number) => boolean): CpuList[] {
  const cores = new Map(
    cell.cpus.map((cpu) => [ascending(cpu.siblings).join(), ascending(cpu.siblings)] as const),
  );
  return [...cores.values()].map((core) => core.filter(usable)).filter((core) => core.length > 0);
}

const pagesOf = (
  cell: Cell,
  used: readonly { size_kb: number; used: number }[],
  reserved: ReadonlyMap<number, number>,
): PagePool[] =>
  cell.pages.map(({ size_kb: sizeKiB, total }) => ({
    sizeKiB,
    total,
    taken: (used.find((pool) => pool.size_kb === sizeKiB)?.used ?? 0) + (reserved.get(sizeKiB) ?? 0),
  }));

/** Pages kept back for the node, by size in KiB. */
function reservedPages(options: Options, cellId: number): Map<number, number> {
  const reserved = new Map<number, number>();
  for (const { node, size, count } of options.tables('DEFAULT', 'reserved_huge_pages')) {
    const kib = parsePageSize('reserved_huge_pages', String(size));
    if (typeof kib !== 'number' || !/^\d+$/.test(String(node)) || !/^\d+$/.test(String(count)))
      throw nodeUnfit(
        'reserved_huge_pages needs node, size and count',
        'Correct it.',
        'InvalidReservedMemoryPagesOption',
      );
    if (Number(node) === cellId) reserved.set(kib, Number(count));
  }
  return reserved;
}
