/** Moves from node to node while controller and agents die: a guest is at the source, whole, or at the target, whole. */
import type { Instance, Operation } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import type { Faults, Moment } from './faults.ts';
import { assertNothingLeft, assertSound, assertWhole } from './invariants.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;
const moments = ['before', 'halfway', 'after'] satisfies Moment[];
/** Else one of the three at each effect, in turn. */
const everyMoment = process.env['GANTRY_TEST_LONG'] !== undefined;

async function ended(sim: Simulation, operation: Operation): Promise<Operation> {
  let latest = operation;
  const done = await sim.until(async () => {
    latest = (await sim.store.get('operation', operation.id)) ?? latest;
    return latest.status.endedAt !== undefined;
  }, 60 * minutes);
  if (!done) throw new Error(`${operation.spec.kind} never ended: ${JSON.stringify(latest.status)}`);
  return latest;
}

async function readyNodes(sim: Simulation): Promise<void> {
  const ready = async () =>
    (await sim.store.list('node')).items.every(({ status }) => status.state === 'ready');
  expect(await sim.until(ready, 10 * minutes), 'the nodes become ready').toBe(true);
}

const stopped = (sim: Simulation): Promise<Operation> =>
  sim.user<Operation>('stopInstance', { params: { ref: 'web1' }, body: { force: true } });

interface Story {
  body: object;
  running: boolean;
  /** Cancelled so long after it began, ms. */
  cancelMs?: number;
}

/** What may be told of it afterwards: where it is, and how many effects there were before the move and before its end. */
async function tell(
  sim: Simulation,
  { body, running, cancelMs }: Story,
): Promise<{ home: string; from: number; to: number }> {
  await readyNodes(sim);
  const create = { name: 'web1', flavor: 'small', image: 'debian/12', node: 'n1' };
  const made = await ended(sim, await sim.user<Operation>('createInstance', { body: create }));
  expect(made.status.state, JSON.stringify(made.status)).toBe('succeeded');
  if (!running) await ended(sim, await stopped(sim));
  const from = sim.gates();
  const begun = await sim.user<Operation>('moveInstance', { params: { ref: 'web1' }, body });
  if (cancelMs !== undefined) {
    await sim.until(() => false, cancelMs);
    await sim.user('cancelOperation', { params: { ref: String(begun.spec.number) } }).catch(() => undefined);
  }
  const moved = await ended(sim, begun);
  const instance = await sim.user<Instance>('getInstance', { params: { ref: 'web1' } });
  const home = sim.nodes.find(({ id }) => id === instance.status.node)?.name ?? 'nowhere';
  expect(home).toBe(moved.status.state === 'succeeded' ? 'n2' : 'n1');
  await assertSound(sim);
  const settled = await sim.until(async () => {
    const { status } = await sim.user<Instance>('getInstance', { params: { ref: 'web1' } });
    const { runs } = where(sim, instance.id);
    const asWanted =
      status.state === (running ? 'running' : 'stopped') && runs.join() === (running ? home : '');
    return (
      asWanted &&
      (await assertWhole(sim).then(
        () => true,
        () => false,
      ))
    );
  }, 30 * minutes);
  if (!settled) await assertWhole(sim);
  expect(settled, `it is as before, at ${home}: ${JSON.stringify(moved.status)}`).toBe(true);
  await assertSound(sim);
  const to = sim.gates();
  await ended(sim, await sim.user<Operation>('deleteInstance', { params: { ref: 'web1' } }));
  await assertNothingLeft(sim);
  return { home, from, to };
}

const where = ({ nodes }: Simulation, instance: string) => ({
  runs: nodes.filter(({ domains }) => domains.get(instance)?.state === 'running').map(({ name }) => name),
});

async function history(
  seed: number,
  story: Story,
  faults: Faults = () => undefined,
  loss = 0,
): Promise<{ deaths: string[]; home: string; from: number; to: number }> {
  const sim = await simulation({ seed, faults, loss, nodes: 2 });
  try {
    return { ...(await tell(sim, story)), deaths: sim.deaths() };
  } catch (error) {
    throw new Error(`seed ${seed}, deaths: ${sim.deaths().join('; ') || 'none'}`, { cause: error });
  } finally {
    await sim.end();
  }
}

const stories: Record<string, Story> = {
  stopped: { body: {}, running: false },
  'stopped for it and started again': { body: { stop: true }, running: true },
};

describe.each(Object.entries(stories))('a guest that is %s', (_what, story) => {
  it('arrives', async () => {
    expect((await history(1, story)).home).toBe('n2');
  });

  it('stays where it is while a disk of another age bears the id of its own at the target', async () => {
    const sim = await simulation({ seed: 1, faults: () => undefined, loss: 0, nodes: 2 });
    try {
      await readyNodes(sim);
      const create = { name: 'web1', flavor: 'small', image: 'debian/12', node: 'n1' };
      await ended(sim, await sim.user<Operation>('createInstance', { body: create }));
      if (!story.running) await ended(sim, await stopped(sim));
      const [n1, n2] = sim.nodes;
      const [id, held] = [...(n1?.disks ?? [])][0] ?? [];
      if (!n2 || id === undefined || !held) throw new Error('it has no disk');
      const old = { ...held, content: 'of another age' };
      n2.disks.set(id, old);
      const begun = await sim.user<Operation>('moveInstance', { params: { ref: 'web1' }, body: story.body });
      expect((await ended(sim, begun)).status).toMatchObject({
        state: 'failed',
        error: { code: 'disk_in_the_way' },
      });
      expect(n2.disks.get(id)).toEqual(old);
      await assertSound(sim);
      n2.disks.delete(id);
      const idle = async () => {
        const { status } = await sim.user<Instance>('getInstance', { params: { ref: 'web1' } });
        return status.operation === undefined && status.state === (story.running ? 'running' : 'stopped');
      };
      expect(await sim.until(idle, 10 * minutes), 'it is as before').toBe(true);
      const again = await sim.user<Operation>('moveInstance', { params: { ref: 'web1' }, body: story.body });
      expect((await ended(sim, again)).status.state).toBe('succeeded');
      await assertWhole(sim);
    } finally {
      await sim.end();
    }
  });

  it('is whole wherever it is, whoever is killed at any single effect', { timeout: 900_000 }, async () => {
    const { from, to } = await history(1, story);
    expect(to - from).toBeGreaterThan(20);
    let killed = 0;
    for (let number = from; number <= to; number++)
      for (const moment of everyMoment ? moments : [moments[number % 3] as Moment])
        killed += (await history(1, story, (gate) => (gate.number === number ? moment : undefined))).deaths
          .length;
    expect(killed).toBeGreaterThanOrEqual(to - from);
  });

  it.each([1, 2, 3, 4, 5, 6])('is whole although messages are lost, seed %i', async (seed) => {
    await history(seed, story, () => undefined, 0.2);
  });
});

describe('cancelled', () => {
  it.each([0, 100, 300, 500, 700, 900, 1100, 1300, 1500, 1800, 2500])(
    'after %i ms it is whole at one of the two',
    async (cancelMs) => {
      await history(1, { body: { stop: true, force: true }, running: true, cancelMs });
    },
  );

  it('in time it stays', async () => {
    expect((await history(1, { body: { stop: true }, running: true, cancelMs: 100 })).home).toBe('n1');
  });
});
