/**
 * What of a node’s hardware guests may use: settings of the node as a host, inherited cluster -> group -> node, each
 * setting by itself. Nova’s names are given where it has the same setting.
 */
import { count, oneOf, optional, positive, recordOf, type Static, strict, Type } from '../schema.ts';
import { MiB } from '../units.ts';
import { PciAddress } from './node-hardware.ts';

const CpuSet = Type.String({
  pattern: '^[0-9]+(-[0-9]+)?(,\\^?[0-9]+(-[0-9]+)?)*$',
  maxLength: 1024,
  description: 'logical CPUs such as 2-7,10-15,^12',
});
/** Ganeti’s specs; `disk` is each disk’s size. */
export const sizedThings = ['vcpus', 'memory', 'disk', 'disks', 'nics'] as const;
export type SizedThing = (typeof sizedThings)[number];

const TraitName = Type.String({ pattern: '^CUSTOM_[A-Z0-9_]{1,248}$' });

export const HostPolicy = strict(
  {
    sharedCpus: optional(
      Type.String({
        ...CpuSet,
        description:
          'CPUs for vCPUs without one of their own, such as 0-3 (Nova: cpu_shared_set); default: all, or none where dedicatedCpus is set',
      }),
    ),
    dedicatedCpus: optional(
      Type.String({
        ...CpuSet,
        description:
          'CPUs that may be given to one vCPU each, such as 4-15 (Nova: cpu_dedicated_set); default: all, or none where sharedCpus is set',
      }),
    ),
    reservedPages: optional(
      Type.Array(
        strict({
          cell: count('NUMA cell'),
          sizeKiB: positive('size of a page, KiB'),
          count: count('pages that guests do not get'),
        }),
        { maxItems: 256, description: 'huge pages kept back for the node (Nova: reserved_huge_pages)' },
      ),
    ),
    vcpuRatio: optional(
      Type.Number({
        minimum: 0.1,
        maximum: 64,
        description:
          'vCPUs of all guests of a node / its CPUs (Ganeti: vcpu-ratio, Nova: cpu_allocation_ratio); default 4',
      }),
    ),
    reservedMemoryMiB: optional(
      MiB('memory kept for the node itself (Nova: reserved_host_memory_mb); default 512', 0),
    ),
    sizes: optional(
      Type.Array(
        strict({
          of: oneOf(sizedThings, 'what is bounded'),
          least: optional(count('least')),
          most: optional(count('most')),
        }),
        {
          maxItems: 5,
          description: 'sizes of guests that are placed here (Ganeti: ipolicy); memory and disks in MiB',
        },
      ),
    ),
    exclusionLabels: optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9_.:/-]{1,255}$' }), {
        maxItems: 32,
        description:
          'labels of which two guests with the same value go to different nodes where possible (Ganeti: exclusion tags)',
      }),
    ),
    packCells: optional(
      Type.Boolean({
        description:
          'fill used NUMA cells first (Nova: packing_host_numa_cells_allocation_strategy); default false: emptier ones first',
      }),
    ),
    traits: optional(
      Type.Array(TraitName, {
        maxItems: 256,
        description: 'traits of the node beside those that follow from its facts: CUSTOM_...',
      }),
    ),
    resources: optional(
      recordOf('^CUSTOM_[A-Z0-9_]{1,248}$', count('amount', 2 ** 31 - 1), {
        description: 'amounts of resources of your own that flavors ask for with resources:CUSTOM_...',
      }),
    ),
    pciDevices: optional(
      Type.Array(
        strict({
          alias: Type.String({
            pattern: '^[A-Za-z0-9_.-]{1,64}$',
            description: 'name that flavors ask for with pci_passthrough:alias',
          }),
          address: optional(PciAddress),
          id: optional(
            Type.String({
              pattern: '^[0-9a-f]{4}:[0-9a-f]{4}$',
              description: 'vendor and product, such as 10de:2330',
            }),
          ),
        }),
        {
          maxItems: 256,
          description:
            'PCI devices that guests may have, by address or by vendor and product; no others are ever given away',
        },
      ),
    ),
  },
  { description: 'what of a node guests may use' },
);
export type HostPolicy = Static<typeof HostPolicy>;
