/** What happens to an instance between its creation and its deletion: killed at every effect of it, it ends as asked. */
import type { Instance, Operation, RouteName } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { type Faults, type Moment, noFaults } from './faults.ts';
import { assertNothingLeft, assertSound } from './invariants.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;

async function operate(sim: Simulation, route: RouteName, body: object = {}): Promise<Operation> {
  const params = { ref: 'web1' };
  let latest = await sim.user<Operation>(route, route === 'deleteInstance' ? { params } : { params, body });
  const ended = await sim.until(async () => {
    latest = (await sim.store.get('operation', latest.id)) ?? latest;
    return latest.status.endedAt !== undefined;
  }, 30 * minutes);
  expect(ended, `${latest.spec.kind} ends: ${JSON.stringify(latest.status)}`).toBe(true);
  expect(latest.status.state, JSON.stringify(latest.status)).toBe('succeeded');
  await assertSound(sim);
  return latest;
}

const instance = (sim: Simulation) => sim.user<Instance>('getInstance', { params: { ref: 'web1' } });
const reaches = async (sim: Simulation, state: Instance['status']['state']) => {
  const there = await sim.until(async () => (await instance(sim)).status.state === state, 5 * minutes);
  expect(there, `it becomes ${state}`).toBe(true);
};

/** Each begins with `web1` running, and ends with whatever is to be deleted. */
const stories: Record<string, (sim: Simulation) => Promise<void>> = {
  async suspend(sim) {
    await operate(sim, 'suspendInstance');
    await reaches(sim, 'suspended');
    expect([...sim.node.domains.values()]).toMatchObject([{ state: 'shutoff', saved: true }]);
    await operate(sim, 'startInstance');
    await reaches(sim, 'running');
    expect(sim.node.starts.map(({ restored }) => restored)).toEqual([false, true]);
  },
  async reinstall(sim) {
    const before = await instance(sim);
    await operate(sim, 'reinstallInstance', { stop: true });
    await reaches(sim, 'running');
    const after = await instance(sim);
    expect(after.spec.disks).not.toEqual(before.spec.disks);
    expect([...sim.node.disks.keys()]).toEqual(after.spec.disks);
    expect(after.spec.nics).toEqual(before.spec.nics);
    expect(sim.node.domains.get(after.id)?.disks).toEqual(after.spec.disks);
  },
  async rescue(sim) {
    const before = await instance(sim);
    await operate(sim, 'rescueInstance');
    await reaches(sim, 'running');
    const { rescue } = (await instance(sim)).spec;
    expect(sim.node.domains.get(before.id)?.disks).toEqual([rescue?.disk, ...before.spec.disks]);
    await operate(sim, 'unrescueInstance');
    await reaches(sim, 'running');
    expect((await instance(sim)).spec).toEqual(before.spec);
    expect([...sim.node.disks.keys()]).toEqual(before.spec.disks);
    expect(sim.node.domains.get(before.id)?.disks).toEqual(before.spec.disks);
  },
  async 'clone of a running one'(sim) {
    await operate(sim, 'cloneInstance', { name: 'web2', running: 'quiesce' });
    await cloned(sim);
  },
  async 'clone with a stop'(sim) {
    await operate(sim, 'cloneInstance', { name: 'web2', running: 'stop' });
    await cloned(sim);
  },
};

/** The clone runs with a disk of its own, and its source as before. */
async function cloned(sim: Simulation): Promise<void> {
  const copy = await sim.user<Instance>('getInstance', { params: { ref: 'web2' } });
  const source = await instance(sim);
  expect(sim.node.domains.get(copy.id)).toMatchObject({ state: 'running', disks: copy.spec.disks });
  await reaches(sim, 'running');
  expect([...sim.node.disks.keys()].toSorted()).toEqual(
    [...source.spec.disks, ...copy.spec.disks].toSorted(),
  );
  expect(copy.spec.disks).not.toEqual(source.spec.disks);
  expect(sim.node.copies.size).toBe(0);
}

async function history(story: string, deadly: Faults): Promise<{ gates: number; deaths: string[] }> {
  let from = Number.POSITIVE_INFINITY;
  const faults: Faults = (gate) =>
    gate.number > from ? deadly({ ...gate, number: gate.number - from }) : undefined;
  const sim = await simulation({ seed: 1, faults });
  try {
    const ready = async () => (await sim.store.list('node')).items[0]?.status.state === 'ready';
    expect(await sim.until(ready, 5 * minutes)).toBe(true);
    await sim.user('createInstance', { body: { name: 'web1', flavor: 'small', image: 'debian/12' } });
    await reaches(sim, 'running');
    await sim.until(() => false, 10_000);
    from = sim.gates();
    await stories[story]?.(sim);
    const gates = sim.gates() - from;
    from = Number.POSITIVE_INFINITY;
    for (const { name } of (await sim.store.list('instance')).items)
      await sim.user('deleteInstance', { params: { ref: name } });
    await sim.until(async () => (await sim.store.list('instance')).items.length === 0, 10 * minutes);
    await assertNothingLeft(sim);
    return { gates, deaths: sim.deaths() };
  } catch (error) {
    throw new Error(`deaths: ${sim.deaths().join('; ') || 'none'}`, { cause: error });
  } finally {
    await sim.end();
  }
}

describe.each(Object.keys(stories))('%s', (story) => {
  it('ends as asked when controller or agent is killed at any single effect', {
    timeout: 900_000,
  }, async () => {
    const { gates } = await history(story, noFaults);
    expect(gates).toBeGreaterThan(5);
    let killed = 0;
    for (let number = 1; number <= gates; number++)
      for (const moment of ['before', 'halfway', 'after'] satisfies Moment[])
        killed += (await history(story, (gate) => (gate.number === number ? moment : undefined))).deaths
          .length;
    expect(killed).toBeGreaterThanOrEqual(gates);
  });
});
