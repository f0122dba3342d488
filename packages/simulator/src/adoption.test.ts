/** Imported and given back, killed at every effect of it: the domain runs on as it was, and nothing of Gantry is left. */
import { type Instance, isGantryError, type Operation, type RouteName } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { addForeign } from './fake-adoption.ts';
import { type Faults, type Moment, noFaults } from './faults.ts';
import { assertNothingLeft, assertSound } from './invariants.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;
const uuid = '22222222-3333-4444-8555-666666666601';

/** Its node is asked at once: while controller or agent are away that is refused, and asked again. */
async function begin(sim: Simulation, route: RouteName, request: object): Promise<Operation> {
  for (;;) {
    try {
      return await sim.user<Operation>(route, request);
    } catch (error) {
      if (!isGantryError(error, 'node_unreachable')) throw error;
      await sim.until(() => false, 3000);
    }
  }
}

async function operate(sim: Simulation, route: RouteName, request: object): Promise<Operation> {
  let latest = await begin(sim, route, request);
  const ended = await sim.until(async () => {
    latest = (await sim.store.get('operation', latest.id)) ?? latest;
    return latest.status.endedAt !== undefined;
  }, 30 * minutes);
  expect(ended, `${latest.spec.kind} ends: ${JSON.stringify(latest.status)}`).toBe(true);
  await assertSound(sim);
  return latest;
}

const succeed = async (sim: Simulation, route: RouteName, request: object) => {
  const { status } = await operate(sim, route, request);
  expect(status.state, JSON.stringify(status)).toBe('succeeded');
};
const of = { params: { ref: 'mail' }, body: {} };
const imports = { body: { domain: 'mail' } };
const state = async (sim: Simulation) =>
  (await sim.user<Instance>('getInstance', { params: { ref: 'mail' } })).status.state;

const stories: Record<string, (sim: Simulation) => Promise<void>> = {
  async 'imported, given back, and imported again'(sim) {
    await succeed(sim, 'importInstance', imports);
    expect(await state(sim)).toBe('running');
    await succeed(sim, 'releaseInstance', of);
    expect(sim.node.domains.get(uuid)).toMatchObject({ state: 'running', domainId: 1 });
    expect(sim.node.domains.get(uuid)?.ours).toBeUndefined();
    expect([...sim.node.guestFiles]).toEqual([]);
    await succeed(sim, 'importInstance', imports);
    expect(sim.node.domains.get(uuid)).toMatchObject({ state: 'running', domainId: 1 });
    expect(sim.node.starts).toEqual([]);
  },
  async 'stopped and started by Gantry'(sim) {
    await succeed(sim, 'importInstance', imports);
    await succeed(sim, 'stopInstance', { ...of, body: { force: true } });
    expect(sim.node.domains.get(uuid)?.state).toBe('shutoff');
    await succeed(sim, 'startInstance', of);
    expect(sim.node.starts).toHaveLength(1);
  },
  async 'undefined before its node has taken it'(sim) {
    const operation = await begin(sim, 'importInstance', imports);
    const domain = sim.node.domains.get(uuid);
    if (domain?.ours) return;
    sim.node.domains.delete(uuid);
    await sim.until(async () => {
      const latest = await sim.store.get('operation', operation.id);
      return latest?.status.endedAt !== undefined;
    }, 30 * minutes);
    expect((await sim.store.get('operation', operation.id))?.status).toMatchObject({
      state: 'failed',
      error: { code: 'not_adoptable' },
    });
    expect(await sim.store.claims('mac')).toEqual([]);
  },
};

async function history(story: string, deadly: Faults): Promise<{ gates: number; deaths: string[] }> {
  let from = Number.POSITIVE_INFINITY;
  const faults: Faults = (gate) =>
    gate.number > from ? deadly({ ...gate, number: gate.number - from }) : undefined;
  const sim = await simulation({ seed: 1, faults });
  try {
    const ready = async () => (await sim.store.list('node')).items[0]?.status.state === 'ready';
    expect(await sim.until(ready, 5 * minutes)).toBe(true);
    addForeign(sim.node, uuid, 'mail');
    await sim.until(() => false, 15_000);
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
  it('whatever dies at any single effect', { timeout: 900_000 }, async () => {
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
