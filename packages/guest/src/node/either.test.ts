import type { Fit, FitCell } from '@gantry/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostCellsOf } from './cells.ts';
import { eitherOf } from './either.ts';

const node = '00000000-0000-4000-8000-000000000001' as Fit['node'];
const cells = [0, 1].map((id) => ({
  id,
  memoryMiB: 4096,
  cores: [[id * 2], [id * 2 + 1]],
  pages: [4, 2048].map((sizeKiB) => ({ sizeKiB, total: 1 << 20 })),
  distances: [],
}));

const cellOn = (hostCell: number): fc.Arbitrary<FitCell> =>
  fc
    .record({
      memoryMiB: fc.constantFrom(128, 256, 512),
      pageKiB: fc.constantFrom(undefined, 4, 2048),
      pinned: fc.boolean(),
      count: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ memoryMiB, pageKiB, pinned, count }) => {
      const vcpus = Array.from({ length: count }, (_, vcpu) => vcpu);
      const pins = pinned ? vcpus.map((vcpu) => ({ vcpu, cpu: hostCell * 2 + vcpu })) : [];
      const claimedCpus = pins.map(({ cpu }) => cpu);
      return {
        hostCell,
        vcpus,
        memoryMiB,
        ...(pageKiB ? { pageKiB } : {}),
        sharedCpus: [],
        pins,
        claimedCpus,
      };
    });
const someFit: fc.Arbitrary<Fit> = fc
  .tuple(fc.option(cellOn(0)), fc.option(cellOn(1)), fc.subarray(['0000:81:00.0', '0000:82:00.0']))
  .map(([first, second, pciDevices]) => {
    const own = [first, second].filter((cell) => cell !== null);
    return { node, ...(own.length > 0 ? { cells: own } : {}), pciDevices };
  });

const taken = (fit: Fit) => hostCellsOf({ cells } as never, {}, [fit]);
const amounts = (fit: Fit) =>
  taken(fit).flatMap(({ sharedUsed, pages }) => [sharedUsed, ...pages.map((pool) => pool.taken)]);

test('what is taken is for each kind the larger of both, and CPUs and devices of both', () => {
  fc.assert(
    fc.property(someFit, someFit, (a, b) => {
      const { fit } = eitherOf({ extraSpecs: {}, fit: a }, { extraSpecs: {}, fit: b });
      const [first, second] = [amounts(a), amounts(b)];
      expect(amounts(fit)).toEqual(first.map((amount, index) => Math.max(amount, second[index] ?? 0)));
      const cpus = (one: Fit) => taken(one)[0]?.pinnedCpus ?? [];
      expect(cpus(fit)).toEqual([...new Set([...cpus(a), ...cpus(b)])].toSorted());
      expect(new Set(fit.pciDevices)).toEqual(new Set([...(a.pciDevices ?? []), ...(b.pciDevices ?? [])]));
    }),
  );
});

test('resources: the larger amount of each, however the groups are called', () => {
  const a = { extraSpecs: { 'resources:CUSTOM_A': '2', 'resources1:CUSTOM_A': '1' }, fit: { node } };
  const b = {
    extraSpecs: { 'resources:CUSTOM_A': '1', 'resources:CUSTOM_B': '4', 'hw:numa_nodes': '2' },
    fit: { node },
  };
  expect(eitherOf(a, b).extraSpecs).toEqual({ 'resources:CUSTOM_A': '3', 'resources:CUSTOM_B': '4' });
});
