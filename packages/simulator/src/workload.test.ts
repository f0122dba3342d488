import { type Instance, isGantryError, type Operation } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import { type FakeNode, powerCycle, powerOff, shutOff } from './fake-node.ts';
import type { Faults } from './faults.ts';
import { assertNothingLeft, assertSound, assertWhole } from './invariants.ts';
import { type Random, seeded } from './random.ts';
import { type Simulation, simulation } from './simulation.ts';
import { ofBalance } from './workload-balance.ts';
import { addIsoImages, assertBootedOnce, deleteIsoImages, drivesAgree, ofCds } from './workload-cds.ts';
import { assertForeign, ofForeign, removeForeign } from './workload-foreign.ts';
import { ofNodes, removeLeft } from './workload-nodes.ts';
import { assertWishes } from './workload-wishes.ts';

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
    ? {
        guest: {
          onPoweroff: random.chance(0.5) ? 'restart' : 'stop',
          confirmResizeAfterMs: random.chance(0.5) ? 60_000 : null,
        },
      }
    : {
        memoryMiB: 64 * random.between(1, 64),
        vcpus: random.between(1, 4),
        ...(random.chance(0.4) ? { maxVcpus: 4, maxMemoryMiB: 4096 } : {}),
      };

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

const someRoom = (random: Random): object => (random.chance(0.6) ? { maxVcpus: 4, maxMemoryMiB: 4096 } : {});

const someSize = (random: Random): object => ({
  memoryMiB: 64 * random.between(1, 32),
  vcpus: random.between(1, 3),
});

const someClone = (random: Random): object => ({
  name: names[random.between(0, names.length - 1)],
  ...(random.chance(0.8) ? { running: (['stop', 'quiesce', 'crash'] as const)[random.between(0, 2)] } : {}),
  ...(random.chance(0.3) ? { node: `n${random.between(1, 3)}` } : {}),
  deadlineMs: 1000 * random.between(5, 120),
});

type Acts = (() => Promise<unknown>)[];
interface Day {
  nodes?: number;
  begin(sim: Simulation): Promise<void>;
  acts(sim: Simulation, random: Random): Acts;
}

/** A disk goes from hand to hand. */
function ofDisks(sim: Simulation, random: Random, name: string): Acts {
  const disk = random.chance(0.5) ? 'data' : 'logs';
  const params = { ref: name };
  const attach = () => sim.user('attachDisk', { params, body: { disk } });
  const detach = () =>
    sim.user('detachDisk', {
      params: { ref: name, disk },
      query: random.chance(0.5) ? { deadlineMs: 5000 } : {},
    });
  return [
    () => sim.user('createDisk', { body: { name: disk, sizeMiB: 64 } }),
    attach,
    attach,
    attach,
    detach,
    detach,
    () =>
      sim.user('setDisk', {
        params: { ref: name, disk },
        body: random.chance(0.5) ? { limits: { writeIops: 100 } } : { cache: 'none' },
      }),
    () => sim.user('growDisk', { params: { ref: disk }, body: { byBytes: 2 ** 20 } }),
    () => sim.user('deleteDisk', { params: { ref: disk } }),
    async () => {
      const { id } = (await sim.store.named('instance', name))[0] ?? { id: '' };
      if (!sim.node.stubborn.delete(id)) sim.node.stubborn.add(id);
    },
  ];
}

const someModel = (random: Random): object => ({
  model: random.chance(0.5) ? 'e1000' : null,
  replug: random.chance(0.7),
  deadlineMs: 5000,
});

const someTrust = (random: Random): object => {
  const source = random.chance(0.5) ? '10.9.0.0/16' : 'fd00::5';
  if (random.chance(0.3)) return { filter: random.chance(0.5) ? 'on' : 'off' };
  return random.chance(0.5) ? { allow: [source] } : { disallow: [source] };
};

/** NICs come and go, with their addresses. */
function ofNics(sim: Simulation, random: Random, name: string): Acts {
  const nic = String(random.between(0, 2));
  const params = { ref: name, nic };
  return [
    () => sim.user('attachNic', { params: { ref: name }, body: { network: 'default' } }),
    () => sim.user('attachNic', { params: { ref: name }, body: { network: 'default', address: 'none' } }),
    () => sim.user('detachNic', { params, query: random.chance(0.5) ? { deadlineMs: 5000 } : {} }),
    () => sim.user('detachNic', { params }),
    () => sim.user('setNic', { params, body: { link: random.chance(0.5) ? 'up' : 'down' } }),
    () => sim.user('setNic', { params, body: { address: random.chance(0.5) ? 'pool' : 'none' } }),
    () => sim.user('setNic', { params, body: someTrust(random) }),
    () => sim.user('setNic', { params, body: someModel(random) }),
  ];
}

/** What users and guests do. */
const someday = (sim: Simulation, random: Random): Acts => {
  const name = names[random.between(0, names.length - 1)] as string;
  const params = { ref: name };
  return [
    () =>
      sim.user('createInstance', {
        body: { name, flavor: 'small', image: 'debian/12', deadlineMs: 120_000, ...someRoom(random) },
      }),
    () => sim.user('stopInstance', { params, body: {} }),
    () => sim.user('stopInstance', { params, body: { force: true } }),
    () => sim.user('startInstance', { params, body: {} }),
    () => sim.user('suspendInstance', { params, body: {} }),
    () => sim.user('reinstallInstance', { params, body: { stop: random.chance(0.5) } }),
    () => sim.user('rescueInstance', { params, body: {} }),
    () => sim.user('unrescueInstance', { params, body: {} }),
    () => sim.user('startInstance', { params, body: random.chance(0.3) ? { discardSaved: true } : {} }),
    () => sim.user('rebootInstance', { params, body: random.chance(0.5) ? {} : { until: 'ping' } }),
    () => sim.user('deleteInstance', { params }),
    () => sim.user('cloneInstance', { params, body: someClone(random) }),
    () => sim.user('cloneInstance', { params, body: someClone(random) }),
    () => sim.user('renameInstance', { params, body: { name: names[random.between(0, names.length - 1)] } }),
    () => sim.user('lockInstance', { params, body: { reason: 'under audit' } }),
    () => sim.user('unlockInstance', { params }),
    () => sim.user('unlockInstance', { params }),
    () => sim.user('setInstance', { params, body: someSettings(random) }),
    () => sim.user('setInstance', { params, body: someSize(random) }),
    () => sim.user('setInstance', { params, body: someSize(random) }),
    () => sim.user('resizeInstance', { params, body: someSize(random) }),
    () => sim.user('revertInstanceResize', { params, body: {} }),
    () => sim.user('confirmInstanceResize', { params }),
    () => sim.user('setProject', { params: { ref: 'default' }, body: { quota: someQuota(random) } }),
    ...ofDisks(sim, random, name).slice(0, 4),
    ...mishaps(sim, random, name),
    async () => cancelSomething(sim, random),
  ];
};

function mishaps(sim: Simulation, random: Random, name: string): Acts {
  const node = sim.nodes[random.between(0, sim.nodes.length - 1)] as FakeNode;
  const domain = sim.nodes
    .flatMap(({ domains }) => [...domains.values()])
    .find((d) => d.name.startsWith(`${name}-`) && d.state === 'running');
  return [
    async () => domain && powerOff(sim.world, domain, sim.time.now()),
    async () => domain && shutOff(domain, 'crashed'),
    async () => {
      sim.kill('agent', node.name);
      powerCycle(node, `boot-${random.between(1, 1e9)}`);
    },
    async () => {
      node.libvirt = !node.libvirt;
      sim.time.at(5000, () => {
        node.libvirt = true;
      });
    },
    async () => takeAddresses(sim, random.chance(0.5)),
  ];
}

/** Where there are other nodes to go to. */
const movingDay = (sim: Simulation, random: Random): Acts => {
  const params = { ref: names[random.between(0, names.length - 1)] as string };
  const node = { ref: `n${random.between(1, sim.nodes.length)}` };
  const inTime = { deadlineMs: 1000 * random.between(1, 60) };
  return [
    ...someday(sim, random),
    () => sim.user('moveInstance', { params, body: { deadlineMs: 60_000 } }),
    () => sim.user('moveInstance', { params, body: { stop: true, force: random.chance(0.5) } }),
    () => sim.user('moveInstance', { params, body: { stop: true, ...inTime } }),
    () =>
      sim.user('evacuateNode', {
        params: node,
        body: { allowStop: random.chance(0.7), deadlineMs: 120_000 },
      }),
    () => sim.user('setNode', { params: node, body: { role: 'active' } }),
    () => sim.user('setNode', { params: node, body: { role: 'active' } }),
  ];
};

/** Nodes are made even, by several people, while all the rest goes on. */
const balancingDay = (sim: Simulation, random: Random): Acts => {
  const balance = ofBalance(sim, random, names[random.between(0, names.length - 1)] as string);
  return [...balance, ...balance, ...movingDay(sim, random)];
};

/** Nodes leave while guests come, go and are moved away, and come back as new ones. */
const leavingDay = (sim: Simulation, random: Random): Acts => {
  const often = random.chance(0.7) ? [] : mishaps(sim, random, names[0] as string);
  const name = names[random.between(0, names.length - 1)] as string;
  const nodes = [...ofNodes(sim, random, name), ...ofNodes(sim, random, name)];
  return [...nodes, ...nodes, ...movingDay(sim, random), ...often, () => cancelSomething(sim, random)];
};

/** A day of disks: the instances are there, and little else happens. */
const diskDay = (sim: Simulation, random: Random): Acts => {
  const name = names[random.between(0, 1)] as string;
  const params = { ref: name };
  const often = random.chance(0.8) ? [] : mishaps(sim, random, name);
  return [
    ...ofDisks(sim, random, name),
    ...ofDisks(sim, random, name),
    ...ofNics(sim, random, name),
    () => sim.user('stopInstance', { params, body: { force: true } }),
    () => sim.user('startInstance', { params, body: {} }),
    () => sim.user('startInstance', { params, body: {} }),
    () => cancelSomething(sim, random),
    ...often,
  ];
};

/** Guests of somebody else come under management and leave it, on one node or several. */
const foreignDay = (sim: Simulation, random: Random): Acts => {
  const name = names[random.between(0, names.length - 1)] as string;
  const params = { ref: name };
  const both = [...ofForeign(sim, random, name), ...ofForeign(sim, random, name)];
  return [
    ...both,
    ...both,
    ...both,
    ...(sim.nodes.length > 1 ? movingDay(sim, random) : someday(sim, random)),
    () => sim.user('startInstance', { params, body: {} }),
    () => sim.user('stopInstance', { params, body: { force: true } }),
    () => sim.user('setInstance', { params, body: { guest: { onPoweroff: 'restart' } } }),
  ];
};

/** CDs are inserted and ejected, and guests booted from them. */
const cdDay = (sim: Simulation, random: Random): Acts => {
  const name = names[random.between(0, 1)] as string;
  const often = random.chance(0.7) ? [] : mishaps(sim, random, name);
  const moves = sim.nodes.length > 1 ? movingDay(sim, random) : [];
  const stubborn = ofDisks(sim, random, name).slice(-1);
  const all = [...ofCds(sim, random, name), ...ofCds(sim, random, name)];
  return [...all, ...stubborn, ...moves, ...often, () => cancelSomething(sim, random)];
};

async function settleIn(sim: Simulation): Promise<void> {
  for (const name of names) await createOnceThereIsRoom(sim, name);
  expect(await sim.until(() => idle(sim), 60 * minutes), 'they are made').toBe(true);
}

async function furnishWithCds(sim: Simulation): Promise<void> {
  await addIsoImages(sim);
  for (const name of names.slice(0, 2)) await createOnceThereIsRoom(sim, name);
  expect(await sim.until(() => idle(sim), 60 * minutes), 'they are made').toBe(true);
}

/** An agent that was killed before it told of its free space leaves the node without any for a while. */
async function createOnceThereIsRoom(sim: Simulation, name: string): Promise<void> {
  const body = { name, flavor: 'small', image: 'debian/12' };
  for (let refusal: unknown = 'not asked'; refusal !== undefined; await sim.until(() => false, 1000))
    refusal = await sim.user('createInstance', { body }).then(
      () => undefined,
      (error: unknown) => {
        if (!isGantryError(error, 'no_capacity')) throw error;
        return error;
      },
    );
}

async function furnish(sim: Simulation): Promise<void> {
  for (const name of ['data', 'logs']) await sim.user('createDisk', { body: { name, sizeMiB: 64 } });
  for (const name of names.slice(0, 2)) await createOnceThereIsRoom(sim, name);
  expect(await sim.until(() => idle(sim), 60 * minutes), 'they are made').toBe(true);
}

/** Refusals are part of it (busy, wrong state, not found), anything else is a failure. */
async function step(random: Random, acts: Acts): Promise<void> {
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
        'resize_pending',
        'no_resize',
        'invalid_argument',
        'quota_exceeded',
        'locked',
        'move_needs_stop',
        'disk_attached',
        'pool_exhausted',
        'address_taken',
        'stop_first',
        'in_rescue',
        'not_in_rescue',
        'clone_needs_choice',
        'not_supported',
        'node_unreachable',
        'node_not_told',
        'not_adoptable',
        'not_adopted',
        'hardware_kept',
        'guest_refused',
        'cd_occupied',
        'in_use',
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
  for (const node of sim.nodes) {
    node.libvirt = true;
    node.stubborn.clear();
  }
  sim.cutOff.clear();
  await removeLeft(sim);
  expect(await sim.until(() => idle(sim), 60 * minutes), 'every operation ends').toBe(true);
  await assertSound(sim);
  const statesAgree = async () => {
    const instances = (await sim.store.list('instance')).items as Instance[];
    return instances.every((instance) => {
      const { adopted } = instance.spec;
      const home = sim.nodes.find(({ id }) => id === instance.status.node);
      const runs = home?.domains.get(instance.id)?.state === 'running';
      const disks = home?.domains.get(instance.id)?.disks.toSorted();
      const nics = home?.domains.get(instance.id)?.nics.toSorted();
      const wires = (adopted ?? instance.spec).nics.map(({ mac }) => mac).toSorted();
      const { rescue } = instance.spec;
      const wanted = [...instance.spec.disks, ...(rescue ? [rescue.disk] : [])].toSorted();
      const asWanted = !runs || (disks?.join() === wanted.join() && nics?.join() === wires.join());
      const { state } = instance.status;
      return asWanted && (state === 'running') === runs && (instance.spec.power === 'running') === runs;
    });
  };
  await assertSizes(sim);
  const converged = await sim.until(statesAgree, 30 * minutes);
  expect(converged, `converges to what is wanted: ${converged ? '' : await picture(sim)}`).toBe(true);
  await assertWholeSoon(sim);
  await assertForeign(sim);
  await assertBootedOnce(sim);
  await assertWishes(sim);
  expect(await sim.until(() => drivesAgree(sim), 30 * minutes), 'drives hold what they are to').toBe(true);
}

/** What a move left behind goes when its node is back. */
async function assertWholeSoon(sim: Simulation): Promise<void> {
  const whole = () =>
    assertWhole(sim).then(
      () => true,
      () => false,
    );
  if (!(await sim.until(whole, 30 * minutes))) await assertWhole(sim);
  await assertSound(sim);
}

/** A guest that gives what it shall comes to the size of its binding, and its binding to no more than its QEMU has room for. */
async function assertSizes(sim: Simulation): Promise<void> {
  for (const node of sim.nodes) node.stubborn.clear();
  const agree = async () => {
    const guests = (await sim.store.list('guest')).items;
    return guests.every(({ spec }) => {
      const seen = sim.nodes.flatMap(({ domains }) => domains.get(spec.instance)?.size ?? []);
      return seen.every((size) => size.vcpus === spec.input.vcpus && size.memoryMiB === spec.input.memoryMiB);
    });
  };
  const reached = await sim.until(agree, 30 * minutes);
  expect(reached, `guests have their sizes: ${reached ? '' : await picture(sim)}`).toBe(true);
}

/** For the reader of a failure. */
async function picture(sim: Simulation): Promise<string> {
  const instances = (await sim.store.list('instance')).items.map(
    (i) => `${i.name} wants ${i.spec.power}, is ${i.status.state} (${i.status.reason ?? ''})`,
  );
  const guests = (await sim.store.list('guest')).items.map(
    (g) =>
      `guest ${JSON.stringify([g.spec.power, g.generation, g.status, g.spec.input.vcpus, g.spec.input.memoryMiB])}`,
  );
  const domains = sim.nodes.flatMap((node) =>
    [...node.domains.values()].map(
      (d) => `domain ${d.name} on ${node.name} ${d.state} ${d.reason} ${JSON.stringify(d.size)}`,
    ),
  );
  return [...instances, ...guests, ...domains, ...sim.nodes.map(({ journal }) => journal)].join('\n');
}

async function deleteAll(sim: Simulation): Promise<void> {
  const standing = (await sim.store.list('disk')).items.filter(({ spec }) => !spec.ownedByInstance);
  for (const instance of (await sim.store.list('instance')).items) {
    await sim.user('unlockInstance', { params: { ref: instance.name } });
    await sim.user('deleteInstance', { params: { ref: instance.name } });
    expect(await sim.until(() => idle(sim), 60 * minutes), 'every operation ends').toBe(true);
  }
  for (const { id } of standing) {
    const { spec, status } = (await sim.store.get('disk', id)) ?? {};
    if (!spec || status?.state === 'deleting') continue;
    expect(spec.instance, 'an attached disk outlives its instance, by itself').toBeUndefined();
    // Its answer may have been lost, and the repetition finds nothing.
    await sim.user('deleteDisk', { params: { ref: id } }).catch((error: unknown) => {
      if (!isGantryError(error, 'not_found')) throw error;
    });
  }
  const gone = async () => (await sim.store.list('disk')).items.length === 0;
  expect(await sim.until(gone, 30 * minutes), 'every disk goes').toBe(true);
}

async function history(
  seed: number,
  faults: (random: Random) => Faults,
  loss: number,
  { begin, acts, nodes = 1 }: Day = { begin: async () => undefined, acts: someday },
): Promise<void> {
  const random = seeded(seed ^ 0x5eed);
  let calm = false;
  const deadly = faults(random);
  const sim = await simulation({ seed, loss, nodes, faults: (gate) => (calm ? undefined : deadly(gate)) });
  try {
    await sim.until(
      async () => (await sim.store.list('node')).items.every(({ status }) => status.state === 'ready'),
      10 * minutes,
    );
    await begin(sim);
    for (let turn = 0; turn < 25; turn++) {
      await step(random, acts(sim, random));
      await sim.until(() => false, random.between(10, 3000));
      await assertWishes(sim);
    }
    calm = true;
    await settleDown(sim);
    await deleteAll(sim);
    await assertForeign(sim);
    removeForeign(sim);
    await deleteIsoImages(sim);
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

describe('a day of disks that go from hand to hand', () => {
  const day = { begin: furnish, acts: diskDay };
  it.each(seeds)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(seeds)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.03), 0.05, day),
  );
});

describe.each([1, 2])('a day of CDs, on nodes: %i', (nodes) => {
  const day = { begin: furnishWithCds, acts: cdDay, nodes };
  const fewer = seeds.slice(0, process.env['GANTRY_TEST_LONG'] ? seeds.length : 15);
  it.each(fewer)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(fewer)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.04), 0.05, day),
  );
});

describe('a working day on three nodes, with moves', () => {
  const day = { begin: async () => undefined, acts: movingDay, nodes: 3 };
  const fewer = seeds.slice(0, process.env['GANTRY_TEST_LONG'] ? seeds.length : 15);
  it.each(fewer)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(fewer)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.03), 0.05, day),
  );
});

describe('a day of nodes that leave and join', { timeout: 900_000 }, () => {
  const day = { begin: settleIn, acts: leavingDay, nodes: 3 };
  const fewer = seeds.slice(0, process.env['GANTRY_TEST_LONG'] ? seeds.length : 15);
  it.each(fewer)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(fewer)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.03), 0.05, day),
  );
});

describe('a day of balancing on three nodes', { timeout: 900_000 }, () => {
  const day = { begin: async () => undefined, acts: balancingDay, nodes: 3 };
  const fewer = seeds.slice(0, process.env['GANTRY_TEST_LONG'] ? seeds.length : 10);
  it.each(fewer)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(fewer)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.03), 0.05, day),
  );
});

describe.each([1, 2])('a day of guests that somebody else made, on nodes: %i', (nodes) => {
  const day = { begin: async () => undefined, acts: foreignDay, nodes };
  const fewer = seeds.slice(0, process.env['GANTRY_TEST_LONG'] ? seeds.length : 15);
  it.each(fewer)('without faults, seed %i', (seed) => history(seed, () => () => undefined, 0, day));
  it.each(fewer)('with deaths and lost messages, seed %i', (seed) =>
    history(seed, (random) => randomDeaths(random, 0.04), 0.05, day),
  );
});
