/** Many want a place at once. */
import { overheadMiB } from '@gantry/guest';
import {
  type CreateInstance,
  type Disk,
  GantryError,
  type Guest,
  type Instance,
  type Node,
} from '@gantry/model';
import { defaultPolicy } from '@gantry/placement';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Controller } from '../src/controller.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { FakeAgent } from '../src/testing/fake-agent.ts';
import { addNode } from '../src/testing/more-nodes.ts';

let cluster: TestCluster;
const agents: FakeAgent[] = [];
beforeEach(async () => {
  cluster = await testCluster();
  agents.length = 0;
  agents.push(cluster.agent);
  for (const name of ['n2', 'n3', 'n4', 'n5'])
    agents.push(await addNode(cluster, name, { facts: { memoryMiB: 6000 } }));
});
afterEach(() => cluster.close());

const ONE: Pick<CreateInstance, 'vcpus' | 'memoryMiB' | 'disks'> = {
  vcpus: 1,
  memoryMiB: 256,
  disks: [{ sizeMiB: 1024 }],
};
const ONE_MIB = 256 + overheadMiB(256, 1);
/** 8192 MiB and four times 6000, as far as guests may have them; vCPUs: 16 on each. */
const ROOM = [8192, 6000, 6000, 6000, 6000]
  .map((memoryMiB) => Math.min(16, Math.floor((memoryMiB - defaultPolicy.hostReserveMiB) / ONE_MIB)))
  .reduce((a, b) => a + b);

const wish = (number: number, by: Controller): Promise<'made' | string> =>
  by
    .call('createInstance', {
      token: cluster.adminToken,
      idempotencyKey: `crowd-${number}`,
      body: { name: `c${number}`, image: 'debian/12', nics: [], ...ONE },
    })
    .then(
      () => 'made',
      (error: unknown) => (error instanceof GantryError ? error.code : String(error)),
    );

async function usage() {
  const { items: guests } = await cluster.store.list('guest');
  const { items: nodes } = await cluster.store.list('node');
  return nodes.map(({ id, name, status }: Node) => {
    const here = guests.filter(({ spec }: Guest) => spec.node === id);
    return {
      name,
      guests: here.length,
      vcpus: here.reduce((sum, { spec }) => sum + spec.input.vcpus, 0),
      memoryMiB: here.length * ONE_MIB,
      mayUseMiB: (status.facts?.memoryMiB ?? 0) - defaultPolicy.hostReserveMiB,
      mayHave: 4 * (status.facts?.cpus ?? 0),
    };
  });
}

async function requireNoneOverfull(): Promise<void> {
  for (const node of await usage()) {
    expect(node.memoryMiB, node.name).toBeLessThanOrEqual(node.mayUseMiB);
    expect(node.vcpus, node.name).toBeLessThanOrEqual(node.mayHave);
  }
}

/** Each with turns and a mirror of its own: what keeps them apart is the commit alone. */
const controllers = (count: number): Controller[] => [
  cluster.controller,
  ...Array.from({ length: count - 1 }, () => {
    const { store, env, images } = cluster;
    return new Controller({ store, env, images });
  }),
];

test.each([1, 3])('200 at once fill every node and overfill none, asked of %i controllers', async (count) => {
  const by = controllers(count);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, number) => wish(number, by[number % count] as Controller)),
  );
  const made = answers.filter((answer) => answer === 'made');
  expect(new Set(answers)).toEqual(new Set(['made', 'no_capacity']));
  expect(made).toHaveLength(ROOM);
  await requireNoneOverfull();
  const { items } = await cluster.store.list('instance');
  expect(items).toHaveLength(ROOM);
  expect(
    (await cluster.store.list('guest')).items.map(({ spec }) => spec.epoch.number).sort((a, b) => a - b),
  ).toEqual(Array.from({ length: ROOM }, (_, index) => index + 1));
});

test('disks are promised once, however small they still are', async () => {
  for (const agent of agents) {
    agent.facts = { ...agent.facts, diskMiB: 4096 + 512 };
    await agent.hello();
  }
  const by = controllers(2);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, number) => wish(number, by[number % 2] as Controller)),
  );
  expect(answers.filter((answer) => answer === 'made')).toHaveLength(4 * agents.length);
  expect(new Set(answers)).toEqual(new Set(['made', 'disk_too_large']));
  const { items: disks } = await cluster.store.list('disk');
  expect(disks.map(({ spec }: Disk) => spec.sizeBytes)).toEqual(disks.map(() => 2 ** 30));
});

test('what goes makes room for as many again', async () => {
  const full = await Promise.all(
    Array.from({ length: 200 }, (_, number) => wish(number, cluster.controller)),
  );
  const gone = full.flatMap((answer, number) => (answer === 'made' ? [`c${number}`] : [])).slice(0, 10);
  for (const agent of agents) await agent.round();
  await cluster.converge();
  for (const name of gone) await cluster.call('deleteInstance', { params: { ref: name } });
  for (let turn = 0; turn < 4; turn++) {
    for (const agent of agents) await agent.round();
    await cluster.converge();
  }
  const left = (await cluster.store.list('instance')).items.map(({ name }: Instance) => name);
  expect(left).toHaveLength(ROOM - gone.length);
  const again = await Promise.all(
    Array.from({ length: 30 }, (_, number) => wish(1000 + number, cluster.controller)),
  );
  expect(again.filter((answer) => answer === 'made')).toHaveLength(gone.length);
  await requireNoneOverfull();
});
