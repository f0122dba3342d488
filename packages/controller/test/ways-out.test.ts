/** What a refusal proposes is done as it says, and works. */
import { type AffinityRule, isGantryError, type PlacementDecision } from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { addNode } from '../src/testing/more-nodes.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

interface Asked {
  vcpus: number;
  memoryMiB: number;
  node?: string;
  affinity?: AffinityRule[];
  labels?: Record<string, string>;
}

let names = 0;
const body = (asked: Asked) => ({
  name: `w${names++}`,
  image: 'debian/12',
  nics: [],
  disks: [{ sizeMiB: 1024 }],
  ...asked,
});
const create = (asked: Asked) => cluster.call('createInstance', { body: body(asked) });
const plan = (asked: Asked) =>
  cluster.call<{ placement: PlacementDecision }>('createInstance', {
    body: body(asked),
    query: { plan: true },
  });
const set = (ref: string, change: object) => cluster.call('setNode', { params: { ref }, body: change });

async function hintsFor(asked: Asked): Promise<string[]> {
  try {
    await plan(asked);
    return [];
  } catch (error) {
    if (!isGantryError(error) || error.code !== 'no_capacity') throw error;
    return error.hint.replace('ways out: ', '').split(' · ');
  }
}

/** As a person would follow it. */
async function follow(asked: Asked, hint: string): Promise<void> {
  const [, memory, unit] = /^--memory (\d+)([MG])$/.exec(hint) ?? [];
  const vcpus = /^--vcpus (\d+)$/.exec(hint)?.[1];
  const undrain = /^gantry node undrain (\S+)$/.exec(hint)?.[1];
  if (memory) await plan({ ...asked, memoryMiB: Number(memory) * (unit === 'G' ? 1024 : 1) });
  else if (vcpus) await plan({ ...asked, vcpus: Number(vcpus) });
  else if (hint === 'leave --node away') {
    const { node: _, ...rest } = asked;
    await plan(rest);
  } else if (undrain) {
    await set(undrain, { role: 'active' });
    await plan(asked);
    await set(undrain, { role: 'drained' });
  } else if (hint.startsWith('--soft-')) {
    const soft = (asked.affinity ?? []).map(
      (rule): AffinityRule => ({ ...rule, policy: `soft-${rule.policy}` as 'soft-affinity' }),
    );
    await plan({ ...asked, affinity: soft });
  } else expect(hint).toBe('add a node, or free resources on one');
}

test('each kind is named where it helps', async () => {
  await addNode(cluster, 'n2', { facts: { cpus: 2, memoryMiB: 2048 } });
  await set('n2', { role: 'drained' });
  expect(await hintsFor({ vcpus: 1, memoryMiB: 32_768 })).toEqual(['--memory 7488M']);
  expect(await hintsFor({ vcpus: 17, memoryMiB: 256 })).toEqual(['--vcpus 16']);
  expect(await hintsFor({ vcpus: 1, memoryMiB: 256, node: 'n2' })).toEqual([
    'leave --node away',
    'gantry node undrain n2',
  ]);
  expect(await hintsFor({ vcpus: 1, memoryMiB: 9000, node: 'n2' })).toEqual([
    'add a node, or free resources on one',
  ]);
  await create({ vcpus: 1, memoryMiB: 256, labels: { app: 'db' } });
  const affinity: AffinityRule[] = [{ policy: 'anti-affinity', label: 'app=db' }];
  expect(await hintsFor({ vcpus: 1, memoryMiB: 256, affinity })).toEqual([
    '--soft-anti-affinity instead of --anti-affinity',
    'gantry node undrain n2',
  ]);
});

test('whatever is proposed, whoever follows it finds a place', async () => {
  for (const name of ['n2', 'n3']) await addNode(cluster, name, { facts: { cpus: 2, memoryMiB: 3000 } });
  await create({ vcpus: 2, memoryMiB: 1024, labels: { app: 'db' } });
  const asked = fc.record(
    {
      vcpus: fc.integer({ min: 1, max: 20 }),
      memoryMiB: fc.integer({ min: 16, max: 9000 }),
      node: fc.constantFrom('n1', 'n2', 'n3'),
      affinity: fc.constantFrom<AffinityRule[]>(
        [{ policy: 'affinity', label: 'app=db' }],
        [{ policy: 'anti-affinity', label: 'app=db' }],
      ),
    },
    { requiredKeys: ['vcpus', 'memoryMiB'] },
  );
  const drained = fc.subarray(['n1', 'n2', 'n3']);
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(asked, drained, async (wish, roles) => {
      for (const name of ['n1', 'n2', 'n3'])
        await set(name, { role: roles.includes(name) ? 'drained' : 'active' });
      for (const hint of await hintsFor(wish)) {
        await follow(wish, hint);
        followed++;
      }
    }),
    { numRuns: 150 },
  );
  expect(followed).toBeGreaterThan(20);
});
