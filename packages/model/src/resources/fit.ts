/** What of a node's hardware is a guest's. */
import { NodeId } from '../ids.ts';
import { count, oneOf, optional, positive, type Static, strict, stringMap, Type } from '../schema.ts';
import { MiB } from '../units.ts';
import { CpuNumbers, PciAddress } from './node-hardware.ts';

/**
 * One NUMA cell of a guest, placed on a cell of the node. vCPUs without a pin run on `sharedCpus`; `emulatorCpus` are
 * for QEMU's own threads alone; `claimedCpus` are those that no other guest gets: pins, QEMU's own, and siblings that
 * stay idle (hw:cpu_thread_policy=isolate).
 */
export const FitCell = strict({
  hostCell: count('cell of the node'),
  vcpus: CpuNumbers,
  memoryMiB: MiB('memory of the cell'),
  pageKiB: optional(positive('size of the pages behind it, KiB; absent: ordinary ones that are not counted')),
  smallestPageKiB: optional(positive('ordinary pages of that cell of the node, KiB')),
  sharedCpus: CpuNumbers,
  pins: Type.Array(strict({ vcpu: count('vCPU'), cpu: count('logical CPU that is its alone') })),
  emulatorCpus: optional(CpuNumbers),
  claimedCpus: CpuNumbers,
});
export type FitCell = Static<typeof FitCell>;

/** Placement's answer: all that is decided about the node's hardware. Pins and PCI devices are claims. */
export const Fit = strict({
  node: NodeId,
  cells: optional(Type.Array(FitCell, { description: 'in the order of the guest’s cells' })),
  sharedCpus: optional(CpuNumbers),
  pciDevices: optional(Type.Array(PciAddress)),
});
export type Fit = Static<typeof Fit>;

/**
 * Hardware of the node that is held beside the fit: what the next start takes, or what a resize goes back to. CPUs and
 * devices of it are claims too; of pages and memory the larger of both is taken.
 */
export const HeldHardware = strict({
  purpose: oneOf(['next-start', 'way-back'] as const),
  fit: Fit,
  extraSpecs: stringMap('extra specs that go with it'),
});
export type HeldHardware = Static<typeof HeldHardware>;
