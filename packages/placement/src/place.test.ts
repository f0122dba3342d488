import type { NodeCapacity, NodeId, Requirements } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rejectionsOf } from './feasible.ts';
import { place } from './place.ts';
import { defaultPolicy } from './policy.ts';
import { refusal, whyNoNode } from './refusal.ts';

const node = (name: string, more: Partial<NodeCapacity> = {}): NodeCapacity => ({
  id: name as NodeId,
  name,
  group: 'g',
  state: 'ready',
  role: 'active',
  architecture: 'x86_64',
  machineTypes: ['pc', 'pc-i440fx-7.2', 'q35'],
  cpus: 4,
  memoryMiB: 8192,
  memoryUsedMiB: 0,
  vcpusUsed: 0,
  storage: { file: { totalMiB: 100_000, freeMiB: 50_000, claimedMiB: 0 } },
  ...more,
});
const needs: Requirements = { vcpus: 1, memoryMiB: 1024, diskMiB: { file: 10_000 }, networks: [] };
const failed = (more: Partial<NodeCapacity>, wants: Partial<Requirements> = {}) =>
  rejectionsOf(node('n', more), { ...needs, ...wants }, defaultPolicy).map(({ test }) => test);

describe('feasible', () => {
  test.each<[string, Partial<NodeCapacity>, Partial<Requirements>, string[]]>([
    ['it fits', {}, {}, []],
    ['drained', { role: 'drained' }, {}, ['role']],
    ['lost, and nothing else is said', { state: 'lost', memoryMiB: 0 }, {}, ['state']],
    ['another architecture', {}, { architecture: 'aarch64' }, ['architecture']],
    ['a machine type by its alias', {}, { machineType: 'q35' }, []],
    ['a machine type that is not there', {}, { machineType: 'pc-q35-99' }, ['machine-type']],
    ['machine types not known', { machineTypes: [] }, { machineType: 'pc-q35-99' }, []],
    ['memory to the last MiB', { memoryUsedMiB: 8192 - 512 - 1024 }, {}, []],
    ['a MiB more', { memoryUsedMiB: 8192 - 512 - 1023 }, {}, ['memory']],
    ['vCPUs at the ratio', { vcpusUsed: 15 }, {}, []],
    ['a vCPU more', { vcpusUsed: 16 }, {}, ['vcpus']],
    [
      'disk promised to others',
      { storage: { file: { totalMiB: 1, freeMiB: 50_000, claimedMiB: 45_000 } } },
      {},
      ['disk'],
    ],
    ['no such storage', { storage: {} }, {}, ['disk']],
    ['no disk wanted', { storage: {} }, { diskMiB: { file: 0 } }, []],
    ['more used than there is', { memoryUsedMiB: 1e9, vcpusUsed: 1e9 }, {}, ['memory', 'vcpus']],
  ])('%s', (_what, more, wants, tests) => {
    expect(failed(more, wants)).toEqual(tests);
  });

  test('a rejection says what is needed and what is there', () => {
    expect(rejectionsOf(node('n', { memoryUsedMiB: 7000 }), needs, defaultPolicy)).toEqual([
      { test: 'memory', message: 'memory: short by 344 MiB', needed: 1024, available: 680, unit: 'MiB' },
    ]);
  });
});

describe('place', () => {
  test('the emptier node is chosen; of equal ones the first by name', () => {
    const nodes = [node('c', { memoryUsedMiB: 100 }), node('b'), node('a', { memoryUsedMiB: 4000 })];
    expect(place(nodes, needs).chosen?.name).toBe('b');
    expect(place([node('z'), node('y')], needs).chosen?.name).toBe('y');
  });

  test('only the named node is looked at', () => {
    const decision = place([node('a'), node('b', { role: 'drained' })], needs, { only: 'b' });
    expect(decision).toMatchObject({
      lookedAt: 1,
      verdicts: [{ name: 'b', rejections: [{ test: 'role' }] }],
    });
    expect(decision.chosen).toBeUndefined();
  });

  const capacity = fc.record({
    id: fc.uuid().map((id) => id as NodeId),
    name: fc.string(),
    group: fc.constant('g'),
    state: fc.constantFrom('ready', 'degraded', 'joining', 'lost'),
    role: fc.constantFrom('active', 'drained', 'offline'),
    architecture: fc.constantFrom('x86_64', 'aarch64', ''),
    machineTypes: fc.constant([]),
    cpus: fc.nat(128),
    memoryMiB: fc.nat(200_000),
    memoryUsedMiB: fc.nat(250_000),
    vcpusUsed: fc.nat(600),
    storage: fc.constantFrom({}, { file: { totalMiB: 1000, freeMiB: 900, claimedMiB: 100 } }),
  }) as fc.Arbitrary<NodeCapacity>;
  const wanted = fc.record({
    vcpus: fc.integer({ min: 1, max: 64 }),
    memoryMiB: fc.integer({ min: 1, max: 100_000 }),
    diskMiB: fc.constantFrom({}, { file: 500 }, { file: 5000 }),
    networks: fc.constant([]),
  }) as fc.Arbitrary<Requirements>;

  test('who is chosen can take it, has the best score, and does not depend on the order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(capacity, { selector: ({ id }) => id, maxLength: 8 }),
        wanted,
        (nodes, wants) => {
          const decision = place(nodes, wants);
          const able = nodes.filter((each) => rejectionsOf(each, wants, defaultPolicy).length === 0);
          expect(decision.lookedAt).toBe(nodes.length);
          expect(decision.verdicts.filter(({ score }) => score)).toHaveLength(able.length);
          expect(decision.chosen !== undefined).toBe(able.length > 0);
          const totals = decision.verdicts.flatMap(({ score }) => (score ? [score.total] : []));
          expect(totals).toEqual(totals.toSorted((a, b) => a - b));
          for (const total of totals) expect(Number.isFinite(total)).toBe(true);
          const turned = place(nodes.toReversed(), wants);
          // sums in another order
          expect(turned.verdicts[0]?.score?.total ?? 0).toBeCloseTo(
            decision.verdicts[0]?.score?.total ?? 0,
            6,
          );
        },
      ),
    );
  });

  test('an emptier copy of a node is never worse', () => {
    fc.assert(
      fc.property(capacity, wanted, fc.nat(1000), (each, wants, less) => {
        const ready = { ...each, state: 'ready' as const, role: 'active' as const, id: 'full' as NodeId };
        const emptier = {
          ...ready,
          id: 'emptier' as NodeId,
          memoryUsedMiB: Math.max(0, ready.memoryUsedMiB - less),
        };
        const { verdicts } = place([ready, emptier], wants);
        const score = (id: string) =>
          verdicts.find(({ node }) => node === id)?.score?.total ?? Number.POSITIVE_INFINITY;
        expect(score('emptier')).toBeLessThanOrEqual(score('full'));
      }),
    );
  });

  test('every refusal has an explanation', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(capacity, { selector: ({ id }) => id, maxLength: 6 }),
        wanted,
        (nodes, wants) => {
          const decision = place(nodes, wants);
          fc.pre(decision.chosen === undefined);
          const refused = refusal('x', wants, decision);
          expect(['no_capacity', 'disk_too_large']).toContain(refused.code);
          expect(refused.message).toMatch(/there is no node|looked at: {2}\d/);
        },
      ),
    );
  });
});

describe('refusal', () => {
  const refuse = (nodes: NodeCapacity[], wants: Partial<Requirements> = {}) => {
    const all = { ...needs, ...wants };
    return refusal('web1', all, place(nodes, all));
  };

  test('counts nodes by what stands against them, with the best of them', () => {
    const nodes = [node('a', { role: 'drained' }), node('b'), node('c', { memoryUsedMiB: 4096 })];
    const refused = refuse(nodes, { memoryMiB: 10_240 });
    expect(refused.code).toBe('no_capacity');
    expect(refused.message).toBe(
      'no node can take web1 (1 vCPU, memory 10 GiB, disk 9.8 GiB)\n3 nodes looked at:  1 drained   2 memory (best b: 7.5 GiB free, short by 2.5)',
    );
    expect(refused.hint).toBe('add a node, or free resources on one');
  });

  test('names the ways out that it is given', () => {
    const wants = { ...needs, vcpus: 100 };
    const refused = refusal('web1', wants, place([node('a')], wants), [
      '--vcpus 16',
      'gantry node undrain b',
    ]);
    expect(refused.hint).toBe('ways out: --vcpus 16 · gantry node undrain b');
  });

  test('a node that fails a test twice is one node', () => {
    const judge = () => [1, 2, 3].map((n) => ({ test: 'affinity', message: `because ${n}` }));
    const decision = place([node('a'), node('b')], needs, { judge });
    expect(whyNoNode(decision)).toBe('2 nodes looked at:  2 because 1');
  });

  test('a disk that fits nowhere is too large', () => {
    const refused = refuse([node('a')], { diskMiB: { file: 2 ** 20 } });
    expect(refused.code).toBe('disk_too_large');
    expect(refused.message).toBe(
      'disk of 1 TiB does not fit: 1 node looked at:  1 disk (best a: 48.8 GiB free, short by 975.2)',
    );
  });

  test('without nodes it says so', () => {
    expect(refuse([]).message).toMatch(/^no node can take web1 .*\nthere is no node$/);
  });
});
