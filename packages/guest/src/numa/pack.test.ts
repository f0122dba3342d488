/** Which CPU a vCPU gets is ours to choose; the rules that every choice keeps are Nova’s. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ThreadPolicy } from './cpu-policy.ts';
import { fitNuma } from './fit.ts';
import { freeCpus, type HostCell } from './host-cell.ts';
import { packOntoCores } from './pack.ts';

const cellOf = (cores: number, threads: number, pinned: readonly number[], id = 0): HostCell => {
  const all = Array.from({ length: cores }, (_, core) =>
    Array.from({ length: threads }, (_, thread) => id * 1000 + core * threads + thread),
  );
  const cpus = all.flat();
  return {
    id,
    memoryMiB: 16384,
    memoryUsedMiB: 0,
    sharedCpus: cpus,
    dedicatedCpus: cpus,
    pinnedCpus: pinned.map((index) => cpus[index % cpus.length] ?? 0),
    sharedUsed: 0,
    cores: all,
    pages: [{ sizeKiB: 4, total: 4194304, taken: 0 }],
  };
};

const situation = fc.record({
  cell: fc
    .record({
      cores: fc.integer({ min: 1, max: 8 }),
      threads: fc.constantFrom(1, 2, 4),
      pinned: fc.array(fc.nat(31), { maxLength: 12 }),
    })
    .map(({ cores, threads, pinned }) => cellOf(cores, threads, pinned)),
  vcpus: fc.integer({ min: 1, max: 12 }),
  policy: fc.constantFrom<ThreadPolicy | undefined>(undefined, 'prefer', 'isolate', 'require'),
  reserve: fc.constantFrom(0, 1),
});

describe('packing vCPUs onto cores', () => {
  test('gives each vCPU a free CPU of its own, by the thread policy', () => {
    fc.assert(
      fc.property(situation, ({ cell, vcpus, policy, reserve }) => {
        const ids = Array.from({ length: vcpus }, (_, id) => id);
        const found = packOntoCores(cell, { vcpus: ids, threads: policy, reserve });
        if (!found) return;
        const cpus = [...found.pins.values(), ...found.reserved];
        expect([...found.pins.keys()]).toEqual(ids);
        expect(new Set(cpus).size).toBe(vcpus + reserve);
        for (const cpu of cpus) expect(freeCpus(cell)).toContain(cpu);
        const taken = new Set(cpus);
        for (const core of cell.cores) {
          const used = core.filter((cpu) => [...found.pins.values()].includes(cpu));
          if (used.length === 0) continue;
          if (policy === 'isolate') {
            expect(used).toHaveLength(1);
            // Nobody else is on that core, and nobody was.
            expect(core.filter((cpu) => taken.has(cpu) || cell.pinnedCpus.includes(cpu))).toEqual(used);
          }
        }
        if (policy === 'require') {
          const shared = cell.cores.filter(
            (core) => core.filter((cpu) => taken.has(cpu) && !found.reserved.includes(cpu)).length > 1,
          );
          expect(shared.length > 0 || vcpus === 1).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('finds room wherever CPUs without a policy suffice', () => {
    fc.assert(
      fc.property(situation, ({ cell, vcpus }) => {
        const ids = Array.from({ length: vcpus }, (_, id) => id);
        const found = packOntoCores(cell, { vcpus: ids, threads: undefined, reserve: 0 });
        expect(found !== undefined).toBe(freeCpus(cell).length >= vcpus);
      }),
    );
  });

  test('isolate leaves threads idle only where the node does not set shared CPUs apart', () => {
    const cell = cellOf(4, 2, []);
    const asked = { vcpus: [0, 1], threads: 'isolate' as const, reserve: 0 };
    expect(packOntoCores(cell, asked)).toBeDefined();
    expect(packOntoCores({ ...cell, sharedCpus: [] }, asked)).toBeUndefined();
  });
});

describe('fitting cells', () => {
  const pinned = (cells: number) => ({
    cells: Array.from({ length: cells }, (_, cell) => ({
      shared: [],
      dedicated: [cell * 2, cell * 2 + 1],
      memoryMiB: 1024,
    })),
    cpus: { policy: 'dedicated' as const, dedicated: [0, 1, 2, 3], realtime: [] },
  });
  const options = { overcommit: { cpu: 4, memory: 1 }, pack: false };

  test('uses each host cell once, in an order that does not matter to whether it fits', () => {
    const hosts = [cellOf(1, 2, [], 0), cellOf(1, 1, [], 1), cellOf(1, 2, [], 2)];
    const found = fitNuma(pinned(2), hosts, options);
    expect(found?.map((cell) => cell.hostCell).sort()).toEqual([0, 2]);
    expect(fitNuma(pinned(3), hosts, options)).toBeUndefined();
  });

  test('fills used cells first only where the node packs', () => {
    const empty = cellOf(4, 1, [], 0);
    const used = { ...cellOf(4, 1, [0], 1), memoryUsedMiB: 4096 };
    const one = { ...pinned(1), cpus: { ...pinned(1).cpus, dedicated: [0, 1] } };
    expect(fitNuma(one, [used, empty], options)?.[0]?.hostCell).toBe(0);
    expect(fitNuma(one, [empty, used], { ...options, pack: true })?.[0]?.hostCell).toBe(1);
  });
});
