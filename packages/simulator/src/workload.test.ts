import { type Instance, isGantryError, type Operation } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { powerCycle, shutOff } from './fake-node.ts';
import type { Faults } from './faults.ts';
import { assertNothingLeft, assertSound } from './invariants.ts';
import { type Random, seeded } from './random.ts';
import { type Simulation, simulation } from './simulation.ts';

const minutes = 60_000;
const names = ['web1', 'web2', 'db1'];

/** Dies at a few gates of the history, anywhere, any process. */
function randomDeaths(random: Random, probability: number): Faults {
  const moments = ['before', 'halfway', 'after'] as const;
  return () => (random.chance(probability) ? moments[random.between(0, 2)] : undefined);
}

/** Sizes up to what the node cannot give. */
const someSettings = (random: Random): object =>
  random.chance(0.3)
    ? { guest: { onPoweroff: random.chance(0.5) ? 'restart' : 'stop' } }
    : { memoryMiB: 64 * random.between(1, 64), vcpus: random.between(1, 2) };

/** A machine outside of the cluster has all of them, or none any more: creates are refused meanwhile. */
function takeAddresses({ node }: Simulation, taken: boolean): void {
  node.heldElsewhere.clear();
  if (taken) for (let last = 10; last < 20; last++) node.heldElsewhere.add(`10.9.8.${last}`);
}

/** Mostly room for all, at times for less than there is. */
const someQuota = (random: Random): object =>
  random.chance(0.6)
    ? { instances: null, memoryMiB: null }
    : { instances: random.between(1, 4), memoryMiB: 512 * random.between(1, 6) };

/** What users and guests do; refusals are part of it (busy, wrong state, not found), anything else is a failure. */
async function step(sim: Simulation, random: Random): Promise<void> {
  const name = names[random.between(0, names.length - 1)] as string;
  const params = { ref: name };
  const domain = [...sim.node.domains.values()].find(
    (d) => d.name.startsWith(`${name}-`) && d.state === 'running',
  );
  const acts: (() => Promise<unknown>)[] = [
    () =>
      sim.user('createInstance', {
        body: { name, flavor: 'small', image: 'debian/12', deadlineMs: 120_000 },
      }),
    () => sim.user('stopInstance', { params, body: {} }),
    () => sim.user('stopInstance', { params, body: { force: true } }),
    () => sim.user('startInstance', { params, body: {} }),
    () => sim.user('suspendInstance', { params, body: {} }),
    () => sim.user('startInstance', { params, body: random.chance(0.3) ? { discardSaved: true } : {} }),
    () => sim.user('rebootInstance', { params, body: random.chance(0.5) ? {} : { until: 'ping' } }),
    () => sim.user('deleteInstance', { params }),
    () => sim.user('renameInstance', { params, body: { name: names[random.between(0, names.length - 1)] } }),
    () => sim.user('lockInstance', { params, body: { reason: 'under audit' } }),
    () => sim.user('unlockInstance', { params }),
    () => sim.user('unlockInstance', { params }),
    () => sim.user('setInstance', { params, body: someSettings(random) }),
    () => sim.user('setProject', { params: { ref: 'default' }, body: { quota: someQuota(random) } }),
    async () => domain && shutOff(domain, 'shutdown'),
    async () => domain && shutOff(domain, 'crashed'),
    async () => {
      sim.kill('agent');
      powerCycle(sim.node, `boot-${random.between(1, 1e9)}`);
    },
    async () => {
      sim.node.libvirt = !sim.node.libvirt;
      sim.time.at(5000, () => {
        sim.node.libvirt = true;
      });
    },
    async () => takeAddresses(sim, random.chance(0.5)),
    async () => cancelSomething(sim, random),
  ];
  try {
    await acts[random.between(0, acts.length - 1)]?.();
  } catch (error) {
    if (
      !isGantryError(error) ||
      ![
        'busy',
        'wrong_state',
        'not_found',
        'name_taken',
        'conflict',
        'no_capacity',
        'cannot_grow',
        'quota_exceeded',
        'locked',
      ].includes(error.code)
    )
      throw error;
  }
}

async function cancelSomething(sim: Simulation, random: Random): Promise<void> {
  const active = (await sim.store.list('operation')).items.filter((operation) => !operation.status.endedAt);
  const victim = active[random.between(0, Math.max(0, active.length - 1))];
  if (victim) await sim.user('cancelOperation', { params: { ref: String(victim.spec.number) } });
}

const idle = async (sim: Simulation): Promise<boolean> =>
  ((await sim.store.list('operation')).items as Operation[]).every(
    (operation) => operation.status.endedAt !== undefined,
  );

async function settleDown(sim: Simulation): Promise<void> {
  sim.node.libvirt = true;
  expect(await sim.until(() => idle(sim), 60 * minutes), 'every operation ends').toBe(true);
  await assertSound(sim);
  const statesAgree = async () => {
    const instances = (await sim.store.list('instance')).items as Instance[];
    return instances.every((instance) => {
      const runs = sim.node.domains.get(instance.id)?.state === 'running';
      return (instance.status.state === 'running') === runs && (instance.spec.power === 'running') === runs;
    });
  };
  const converged = await sim.until(statesAgree, 30 * minutes);
  expect(converged, `converges to what is wanted: ${converged ? '' : await picture(sim)}`).toBe(true);
}

/** For the reader of a failure. */
async function picture(sim: Simulation): Promise<string> {
  const instances = (await sim.store.list('instance')).items.map(
    (i) => `${i.name} wants ${i.spec.power}, is ${i.status.state} (${i.status.reason ?? ''})`,
  );
  const guests = (await sim.store.list('guest')).items.map(
    (g) => `guest ${JSON.stringify([g.spec.power, g.generation, g.status])}`,
  );
  const domains = [...sim.node.domains.values()].map((d) => `domain ${d.name} ${d.state} ${d.reason}`);
  return [...instances, ...guests, ...domains, sim.node.journal].join('\n');
}

async function deleteAll(sim: Simulation): Promise<void> {
  for (const instance of (await sim.store.list('instance')).items) {
    await sim.user('unlockInstance', { params: { ref: instance.name } });
    await sim.user('deleteInstance', { params: { ref: instance.name } });
    expect(await sim.until(() => idle(sim), 60 * minutes), 'every operation ends').toBe(true);
  }
}

async function history(seed: number, faults: (random: Random) => Faults, loss: number): Promise<void> {
  const random = seeded(seed ^ 0x5eed);
  let calm = false;
  const deadly = faults(random);
  const sim = await simulation({ seed, loss, faults: (gate) => (calm ? undefined : deadly(gate)) });
  try {
    await sim.until(
      async () => (await sim.store.list('node')).items[0]?.status.state === 'ready',
      10 * minutes,
    );
    for (let turn = 0; turn < 25; turn++) {
      await step(sim, random);
      await sim.until(() => false, random.between(10, 3000));
    }
    calm = true;
    await settleDown(sim);
    await deleteAll(sim);
    await assertNothingLeft(sim);
  } catch (error) {
    throw new Error(`seed ${seed}, deaths: ${sim.deaths().join('; ') || 'none'}`, { cause: error });
  } finally {
    await sim.end();
  }
}

const seeds = Array.from({ length: process.env['GANTRY_TEST_LONG'] ? 500 : 40 }, (_, index) => index + 1);

describe('a working day of three instances', () => {
  it.each(seeds)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0));
  it.each(seeds)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.06), 0.05),
  );
});
