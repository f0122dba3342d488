import type { Instance, Operation } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { type Faults, type Moment, noFaults } from './faults.ts';
import { assertNothingLeft, assertSound } from './invariants.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;

async function finished(sim: Simulation, operation: Operation): Promise<Operation> {
  let latest = operation;
  const done = await sim.until(async () => {
    const found = await sim.store.get('operation', operation.id);
    if (found) latest = found;
    return latest.status.endedAt !== undefined;
  }, 30 * minutes);
  if (!done)
    throw new Error(`operation ${operation.spec.kind} never ended: ${JSON.stringify(latest.status)}`);
  return latest;
}

/** Create, wait until it runs, delete, wait until it is gone; the same however often something dies. */
async function createAndDelete(sim: Simulation): Promise<void> {
  const ready = await sim.until(
    async () => (await sim.store.list('node')).items[0]?.status.state === 'ready',
    5 * minutes,
  );
  expect(ready, 'the node becomes ready').toBe(true);
  const created = await finished(
    sim,
    await sim.user<Operation>('createInstance', {
      body: { name: 'web1', flavor: 'small', image: 'debian/12' },
    }),
  );
  expect(created.status.state, JSON.stringify(created.status)).toBe('succeeded');
  await assertSound(sim);
  const instance = await sim.user<Instance>('getInstance', { params: { ref: 'web1' } });
  expect(instance.status.state).toBe('running');
  expect(sim.node.starts.length).toBe(1);
  const deleted = await finished(
    sim,
    await sim.user<Operation>('deleteInstance', { params: { ref: 'web1' } }),
  );
  expect(deleted.status.state, JSON.stringify(deleted.status)).toBe('succeeded');
  await assertNothingLeft(sim);
}

async function history(seed: number, faults: Faults, loss = 0): Promise<{ gates: number; deaths: string[] }> {
  const sim = await simulation({ seed, faults, loss });
  try {
    await createAndDelete(sim);
  } catch (error) {
    throw new Error(`seed ${seed}, deaths: ${sim.deaths().join('; ') || 'none'}`, { cause: error });
  } finally {
    await sim.end();
  }
  return { gates: sim.gates(), deaths: sim.deaths() };
}

describe('create and delete', () => {
  it('without faults', async () => {
    const { gates } = await history(1, noFaults);
    expect(gates).toBeGreaterThan(10);
  });

  it('end right when controller or agent is killed at any single effect', { timeout: 900_000 }, async () => {
    const { gates } = await history(1, noFaults);
    let killed = 0;
    for (let number = 1; number <= gates; number++)
      for (const moment of ['before', 'halfway', 'after'] satisfies Moment[]) {
        const { deaths } = await history(1, (gate) => (gate.number === number ? moment : undefined));
        killed += deaths.length;
      }
    expect(killed).toBeGreaterThanOrEqual(gates);
  });

  it('give the same history for the same seed', async () => {
    const dying: Faults = (gate) => (gate.number % 11 === 0 ? 'after' : undefined);
    expect(await history(7, dying)).toEqual(await history(7, dying));
  });
});
