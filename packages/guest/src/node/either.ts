/** What of a node is taken for a guest that runs with one of two fits at a time, and may change over at any time. */
import type { Fit, FitCell } from '@gantry/model';
import type { Bound } from './node-offer.ts';
import { amountsOf } from './wishes.ts';

/** CPUs and devices of both; of memory, pages and resources the larger amount. */
export function eitherOf(a: Bound, b: Bound): Bound {
  return { extraSpecs: eitherAmounts(a.extraSpecs, b.extraSpecs), fit: eitherFit(a.fit, b.fit) };
}

function eitherFit(a: Fit, b: Fit): Fit {
  const pciDevices = [...new Set([...(a.pciDevices ?? []), ...(b.pciDevices ?? [])])];
  const cells = eitherCells(a.cells ?? [], b.cells ?? []);
  return {
    node: a.node,
    ...(cells.length > 0 ? { cells } : {}),
    ...(a.sharedCpus ? { sharedCpus: a.sharedCpus } : {}),
    ...(pciDevices.length > 0 ? { pciDevices } : {}),
  };
}

function eitherCells(a: readonly FitCell[], b: readonly FitCell[]): FitCell[] {
  const alone = b.filter(({ hostCell }) => !a.some((one) => one.hostCell === hostCell));
  const both = a.flatMap((one) => {
    const other = b.find(({ hostCell }) => hostCell === one.hostCell);
    return other ? eitherCell(one, other) : [one];
  });
  return [...both, ...alone];
}

/** Pages of two sizes are two pools, so both are taken. */
function eitherCell(one: FitCell, other: FitCell): FitCell[] {
  const [more, less] = sharing(one) >= sharing(other) ? [one, other] : [other, one];
  if (one.pageKiB !== other.pageKiB) return [more, { ...less, vcpus: [], pins: [] }];
  const claimedCpus = [...new Set([...one.claimedCpus, ...other.claimedCpus])];
  return [{ ...more, memoryMiB: Math.max(one.memoryMiB, other.memoryMiB), claimedCpus }];
}

/** vCPUs without a CPU of their own. */
const sharing = ({ vcpus, pins }: FitCell): number => vcpus.length - pins.length;

function eitherAmounts(a: Bound['extraSpecs'], b: Bound['extraSpecs']): Bound['extraSpecs'] {
  const [first, second] = [amountsOf(a), amountsOf(b)];
  const names = new Set([...first.keys(), ...second.keys()]);
  return Object.fromEntries(
    [...names].map((name) => [
      `resources:${name}`,
      String(Math.max(first.get(name) ?? 0, second.get(name) ?? 0)),
    ]),
  );
}
