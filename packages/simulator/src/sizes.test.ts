/** Sizes of a running guest, set, resized, taken back: the same whichever effect a process dies at. */
import type { Instance, InstanceChanged, Operation } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { type Faults, type Moment, noFaults } from './faults.ts';
import { assertSound } from './invariants.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;
const params = { ref: 'web1' };

async function finished(sim: Simulation, operation: Operation | undefined): Promise<void> {
  let latest = operation;
  const ended = async () => {
    latest = await sim.store.get('operation', operation?.id ?? '');
    return latest?.status.endedAt !== undefined;
  };
  await sim.until(ended, 30 * minutes);
  expect(latest?.status.state, JSON.stringify(latest)).toBe('succeeded');
}

/** What its QEMU has, and what the binding holds for it. */
async function sizeOf(sim: Simulation) {
  const guest = (await sim.store.list('guest')).items[0];
  const { size, most, state } = [...sim.node.domains.values()][0] ?? {};
  return { state, size, most, reserved: guest?.spec.reserved };
}

const act = async (sim: Simulation, route: 'resizeInstance' | 'revertInstanceResize', body: object) =>
  finished(sim, await sim.user<Operation>(route, { params, body }));

async function begin(sim: Simulation): Promise<void> {
  const ready = async () => (await sim.store.list('node')).items[0]?.status.state === 'ready';
  expect(await sim.until(ready, 5 * minutes)).toBe(true);
  const room = { vcpus: 1, memoryMiB: 512, maxVcpus: 4, maxMemoryMiB: 1024 };
  const body = { name: 'web1', flavor: 'small', image: 'debian/12', ...room };
  await finished(sim, await sim.user<Operation>('createInstance', { body }));
  // asked with a request of another revision it is the same wish
  const size = { vcpus: 3, memoryMiB: 1024 };
  const changed = await sim.user<InstanceChanged>('setInstance', { params, body: size });
  if (changed.operation) await finished(sim, changed.operation);
  const has = async () => JSON.stringify((await sizeOf(sim)).size) === JSON.stringify(size);
  expect(await sim.until(has, 30 * minutes), 'it has what was set').toBe(true);
}

async function theDay(sim: Simulation): Promise<void> {
  await begin(sim);
  const most = { vcpus: 4, memoryMiB: 1024 };
  const large = { vcpus: 6, memoryMiB: 2048 };
  await act(sim, 'resizeInstance', { ...large, maxVcpus: null, maxMemoryMiB: null });
  expect(await sizeOf(sim)).toEqual({ state: 'running', size: large, most: large, reserved: undefined });
  await act(sim, 'revertInstanceResize', {});
  const before = { vcpus: 3, memoryMiB: 1024 };
  expect(await sizeOf(sim)).toEqual({ state: 'running', size: before, most, reserved: undefined });
  await act(sim, 'resizeInstance', { vcpus: 1, memoryMiB: 256 });
  expect(await sizeOf(sim)).toMatchObject({ size: { vcpus: 1, memoryMiB: 256 }, most, reserved: before });
  await sim.user('confirmInstanceResize', { params });
  expect((await sizeOf(sim)).reserved).toBeUndefined();
  const { spec, status } = await sim.user<Instance>('getInstance', { params });
  expect([spec.vcpus, spec.resize, status.state]).toEqual([1, undefined, 'running']);
  await assertSound(sim);
}

async function history(faults: Faults): Promise<number> {
  const sim = await simulation({ seed: 3, faults, loss: 0 });
  try {
    await theDay(sim);
  } catch (error) {
    throw new Error(`deaths: ${sim.deaths().join('; ') || 'none'}`, { cause: error });
  } finally {
    await sim.end();
  }
  return sim.gates();
}

describe('sizes', () => {
  it('of an emulated guest: a CPU is taken by a stop and a start, never while it runs', async () => {
    const sim = await simulation({ seed: 3, faults: noFaults, loss: 0 });
    sim.node.accelerator = 'tcg';
    await begin(sim);
    const less = await sim.user<InstanceChanged>('setInstance', { params, body: { vcpus: 2 } });
    expect(less.changes).toMatchObject([{ applies: 'next-start' }]);
    const starts = sim.node.starts.length;
    await act(sim, 'resizeInstance', { vcpus: 1 });
    expect(sim.node.starts).toHaveLength(starts + 1);
    expect(await sizeOf(sim)).toMatchObject({ state: 'running', size: { vcpus: 1 } });
    await assertSound(sim);
    await sim.end();
  });

  it('come out right when controller or agent is killed at any effect', { timeout: 900_000 }, async () => {
    const gates = await history(noFaults);
    expect(gates).toBeGreaterThan(50);
    // one moment for each: all three take minutes
    for (let number = 1; number <= gates; number++) {
      const moment = (['before', 'halfway', 'after'] satisfies Moment[])[number % 3];
      await history((gate) => (gate.number === number ? moment : undefined));
    }
  });
});
