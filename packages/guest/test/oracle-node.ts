/** The host of an oracle case as a node that its agent described, and the case's guest as an instance. */
import type { Fit, GuestInput, GuestPolicy, HostPolicy, NodeFacts, NodeHardware } from '@gantry/model';
import { validate } from '@gantry/model';
import type { NodeOffer } from '../src/index.ts';
import { type CaseHost, NovaCase } from '../src/render/case.ts';
import { x86Models } from '../src/render/cpu-models.ts';
import { guestInput } from './fixtures.ts';

export const caseOf = (question: unknown): NovaCase => validate(NovaCase, question);

export const inputOf = (one: NovaCase): GuestInput =>
  guestInput({
    vcpus: one.flavor.vcpus,
    memoryMiB: one.flavor.memory_mb,
    extraSpecs: one.flavor.extra_specs ?? {},
    imageProperties: Object.fromEntries(
      Object.entries(one.image.properties ?? {}).map(([key, value]) => [key, String(value)]),
    ),
    policies: [{ level: 'cluster', from: 'test', policy: policyOf(one) }],
    boot: { kernel: 'disk' },
    nics: (one.nics ?? []).map(() => ({ bridge: 'br0', mac: '52:54:00:12:34:56', dhcp: true })),
  });

const option = (one: NovaCase, section: 'libvirt' | 'compute' | 'DEFAULT', name: string): unknown =>
  one.config?.[section]?.[name] ?? undefined;

/** Nova's configuration of a node that is a policy here. */
function policyOf(one: NovaCase): GuestPolicy {
  const mode = option(one, 'libvirt', 'cpu_mode') as GuestPolicy['cpuMode'];
  const [model] = (option(one, 'libvirt', 'cpu_models') ?? []) as string[];
  return { ...(mode ? { cpuMode: mode } : {}), ...(model === undefined ? {} : { cpuModel: model }) };
}

export function offerOf(one: NovaCase): NodeOffer {
  const { host } = one;
  const shared = option(one, 'compute', 'cpu_shared_set') as string | undefined;
  const dedicated = option(one, 'compute', 'cpu_dedicated_set') as string | undefined;
  const policy: HostPolicy = {
    ...(shared === undefined ? {} : { sharedCpus: shared }),
    ...(dedicated === undefined ? {} : { dedicatedCpus: dedicated }),
    packCells: option(one, 'compute', 'packing_host_numa_cells_allocation_strategy') === true,
    reservedPages: reservedOf(option(one, 'DEFAULT', 'reserved_huge_pages')),
    traits: [],
  };
  return {
    facts: factsOf(one),
    host: policy,
    bound: [{ extraSpecs: {}, fit: fitOf(host) }],
    free: { VCPU: 1000, MEMORY_MB: 2 ** 20, DISK_GB: 2 ** 20 },
  };
}

const reservedOf = (pages: unknown): NonNullable<HostPolicy['reservedPages']> =>
  Array.isArray(pages)
    ? (pages as { node: string; size: string; count: string }[]).map(({ node, size, count }) => ({
        cell: Number(node),
        sizeKiB: Number(size),
        count: Number(count),
      }))
    : [];

/** What others took, as if it were one guest. */
const fitOf = ({ usage = [] }: CaseHost): Fit => ({
  node: 'n1' as Fit['node'],
  cells: usage.flatMap((used) => {
    const pages = used.pages_used?.filter((pool) => pool.used > 0) ?? [];
    const cell = {
      hostCell: used.id,
      vcpus: Array.from({ length: used.cpu_usage ?? 0 }, (_, id) => id),
      memoryMiB: used.memory_usage_mb ?? 0,
      sharedCpus: [],
      pins: [],
      claimedCpus: used.pinned_cpus ?? [],
    };
    return [
      cell,
      ...pages.map(({ size_kb: pageKiB, used: count }) => ({
        ...cell,
        vcpus: [],
        memoryMiB: (pageKiB * count) / 1024,
        pageKiB,
      })),
    ];
  }),
});

const cannot = (reason: string) => ({ usable: false, reason });
const able = (usable: boolean, reason: string) => ({ usable, reason });

function factsOf(one: NovaCase): NodeFacts {
  const { host } = one;
  const tcg = option(one, 'libvirt', 'virt_type') === 'qemu';
  return {
    hostname: 'n1',
    architecture: host.arch,
    cpus: 8,
    cpuModel: 'x',
    memoryMiB: 2 ** 20,
    kernel: host.kernel_release ?? '6.1.0',
    libvirtVersion: host.libvirt_version ?? '9.0.0',
    qemuVersion: '8.0.0',
    machineTypes: host.machine_types ?? [],
    accelerator: { kvm: !tcg, reason: '' },
    hardware: hardwareOf(host),
    agentVersion: '0',
    capabilities: [],
  };
}

function hardwareOf(host: CaseHost): NodeHardware {
  const features = Object.values(host.cpu_model_features ?? {}).flat();
  const firmware = (host.firmwares ?? []).map((one) => ({
    loader: one.executable,
    architecture: one.architecture,
    machines: one.machines,
    features: one.features,
    ...(one.nvram_template === undefined ? {} : { variables: one.nvram_template }),
  }));
  return {
    cells: (host.numa_cells ?? []).map((cell) => ({
      id: cell.id,
      memoryMiB: cell.memory_kb / 1024,
      cores: [...new Map(cell.cpus.map((cpu) => [cpu.siblings.join(), [...cpu.siblings]])).values()],
      pages: cell.pages.map(({ size_kb: sizeKiB, total }) => ({ sizeKiB, total })),
    })),
    machineAliases: host.machine_aliases ?? {},
    cpuModels: [...x86Models],
    cpuFeatures: features,
    firmware,
    tpm: { versions: ['1.2', '2.0'], models: ['tpm-tis', 'tpm-crb'] },
    ...(host.sev
      ? { memoryEncryption: { cbitPosition: host.sev.cbitpos, reducedPhysBits: host.sev.reduced_phys_bits } }
      : {}),
    diskBuses: ['virtio', 'scsi', 'ide', 'sata', 'usb', 'fdc', 'lun'],
    videoModels: ['vga', 'cirrus', 'vmvga', 'qxl', 'virtio', 'none', 'bochs', 'gop'],
    pciFunctions: [],
    abilities: {
      cpuTime: able(host.cpu_cgroup_controller ?? true, 'no cgroup controller'),
      lockedMemory: able(true, ''),
      trafficLimits: able(true, ''),
      uefi: able(host.uefi ?? false, 'no firmware'),
      secureBoot: able(host.secure_boot ?? false, 'no firmware'),
      tpm: able(true, ''),
      memoryEncryption: able(host.sev !== null && host.sev !== undefined, 'no AMD SEV'),
      pciPassthrough: cannot('not in these cases'),
    },
  };
}
