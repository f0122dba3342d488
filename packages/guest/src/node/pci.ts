/** PCI devices of a node for a guest: only those that an operator named, none twice, near the guest’s cells where asked. */
import type { Fit, HostPolicy, NodeHardware, PciFunction, Rejection } from '@gantry/model';
import { pciAffinity } from '../numa/cpu-policy.ts';
import type { Settings } from '../specs/settings.ts';

export interface PciRequest {
  readonly alias: string;
  readonly count: number;
}

/** `gpu:1,nic:2` */
export const pciRequests = ({ flavor }: Settings): PciRequest[] =>
  String(flavor.get('pci_passthrough:alias')?.value ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [alias = '', count = '0'] = part.trim().split(':');
      return { alias, count: Number(count) };
    });

interface Offer {
  readonly hardware: NodeHardware;
  readonly host: HostPolicy;
  /** Addresses that other guests have. */
  readonly taken: ReadonlySet<string>;
  /** Cells of the node that the guest lies on; none: anywhere. */
  readonly cells: readonly number[];
}

/** The addresses, or why not. */
export function choosePci(settings: Settings, offer: Offer): { addresses: string[] } | { why: Rejection } {
  const addresses: string[] = [];
  for (const { alias, count } of pciRequests(settings)) {
    const { pciPassthrough } = offer.hardware.abilities;
    if (!pciPassthrough.usable)
      return { why: { test: 'pci', message: `no PCI passthrough: ${pciPassthrough.reason}` } };
    const own = { ...offer, taken: new Set([...offer.taken, ...addresses]) };
    const free = candidates(alias, own, pciAffinity(settings));
    if (free.length < count)
      return {
        why: {
          test: 'pci',
          message: `PCI devices ${alias}: short by ${count - free.length}`,
          needed: count,
          available: free.length,
          unit: alias,
        },
      };
    addresses.push(...free.slice(0, count).map(({ address }) => address));
  }
  return { addresses };
}

function candidates(alias: string, offer: Offer, affinity: string | undefined): PciFunction[] {
  const { hardware, host, taken } = offer;
  const allowed = (host.pciDevices ?? []).filter((rule) => rule.alias === alias);
  const groups = new Set(
    hardware.pciFunctions.filter(({ address }) => taken.has(address)).map(({ iommuGroup }) => iommuGroup),
  );
  const free = hardware.pciFunctions.filter(
    ({ address, vendor, product, iommuGroup }) =>
      iommuGroup !== undefined &&
      !groups.has(iommuGroup) &&
      allowed.some((rule) => rule.address === address || rule.id === `${vendor}:${product}`),
  );
  return free.filter((device) => isNear(device, offer.cells, affinity)).toSorted(byNearness(offer.cells));
}

/** `legacy`, the default: near where the device’s cell is known. */
function isNear({ cell }: PciFunction, cells: readonly number[], affinity = 'legacy'): boolean {
  if (cells.length === 0 || affinity === 'preferred') return true;
  if (cell === undefined) return affinity === 'legacy';
  return cells.includes(cell);
}

const byNearness =
  (cells: readonly number[]) =>
  (a: PciFunction, b: PciFunction): number =>
    Number(cells.includes(b.cell ?? -1)) - Number(cells.includes(a.cell ?? -1));

export const pciTaken = (fits: readonly Fit[]): Set<string> =>
  new Set(fits.flatMap(({ pciDevices = [] }) => pciDevices));
