/** Groups of nodes, and what they hand down. */
import type { EffectiveSetting, Group, Node, NodeAdded } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const of = (ref: string) => ({ params: { ref } });
const effective = async (route: 'getNodeSettings' | 'getGroupSettings', ref: string) =>
  Object.fromEntries(
    (await cluster.call<{ items: EffectiveSetting[] }>(route, of(ref))).items.map(
      ({ setting, value, level, from }) => [setting, [value, level, from]],
    ),
  );

test('each setting comes from the nearest level that speaks of it', async () => {
  await cluster.call('setClusterPolicy', {
    body: {
      guest: { cpuMode: 'host-model', onCrash: 'stop' },
      host: { packCells: true, traits: ['CUSTOM_A'] },
    },
  });
  await cluster.call('createGroup', {
    body: { name: 'rack1', guest: { cpuMode: 'host-passthrough' }, host: { packCells: false } },
  });
  await cluster.call('setNode', { ...of('n1'), body: { group: 'rack1', host: { traits: ['CUSTOM_B'] } } });
  expect(await effective('getNodeSettings', 'n1')).toMatchObject({
    'guest.cpuMode': ['host-passthrough', 'group', 'rack1'],
    'guest.onCrash': ['stop', 'cluster', 'test'],
    'guest.machineType': ['pc', 'builtin', 'gantry'],
    'host.packCells': [false, 'group', 'rack1'],
    'host.traits': [['CUSTOM_B'], 'node', 'n1'],
  });
  expect(await effective('getGroupSettings', 'rack1')).toMatchObject({
    'host.traits': [['CUSTOM_A'], 'cluster', 'test'],
  });
  await cluster.call('setGroupPolicy', { ...of('rack1'), body: { guest: { cpuMode: null } } });
  expect((await effective('getNodeSettings', 'n1'))['guest.cpuMode']).toEqual([
    'host-model',
    'cluster',
    'test',
  ]);
});

test('a guest takes what its node’s group says', async () => {
  await cluster.call('createGroup', { body: { name: 'rack1', guest: { machineType: 'q35' } } });
  await cluster.call('setNode', { ...of('n1'), body: { group: 'rack1' } });
  await cluster.call('createInstance', { body: { name: 'hello', flavor: 'tiny', image: 'debian/12' } });
  const [guest] = (await cluster.store.list('guest')).items;
  expect(guest?.spec.input.policies).toContainEqual({
    level: 'group',
    from: 'rack1',
    policy: { machineType: 'q35' },
  });
});

test('what cannot hold is refused, and nothing is made', async () => {
  const body = { name: 'rack1', host: { sharedCpus: '0-3', dedicatedCpus: '3-4' } };
  await expect(cluster.call('createGroup', { body })).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(cluster.call('createGroup', { body: { name: 'a/b' } })).rejects.toMatchObject({
    code: 'invalid_body',
  });
  await expect(cluster.call('createGroup', { body: { name: 'default' } })).rejects.toMatchObject({
    code: 'name_taken',
  });
  expect((await cluster.store.list('group')).items.map(({ name }) => name)).toEqual(['default']);
});

test('one with nodes stays; nodes come only to one that is there', async () => {
  await cluster.call<Group>('createGroup', { body: { name: 'rack1' } });
  const { node } = await cluster.call<NodeAdded>('addNode', { body: { name: 'n2', group: 'rack1' } });
  await expect(cluster.call('deleteGroup', of('rack1'))).rejects.toMatchObject({ code: 'in_use' });
  await cluster.call('setNode', { ...of('n2'), body: { group: 'default' } });
  await cluster.call('deleteGroup', of('rack1'));
  for (const body of [
    { name: 'n3', group: 'rack1' },
    { name: 'n3', group: 'none' },
  ])
    await expect(cluster.call('addNode', { body })).rejects.toMatchObject({ code: 'not_found' });
  const [, second] = (await cluster.store.list('node')).items as Node[];
  expect(second?.id).toBe(node.id);
});

test('a node that comes while its group is deleted: one of the two is refused', async () => {
  for (let round = 0; round < 20; round++) {
    const name = `g${round}`;
    await cluster.call('createGroup', { body: { name } });
    const answers = await Promise.allSettled([
      cluster.call('deleteGroup', of(name)),
      cluster.call('setNode', { ...of('n1'), body: { group: name } }),
    ]);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    const node = await cluster.call<Node>('getNode', of('n1'));
    expect((await cluster.store.get('group', node.spec.group))?.name).toBeDefined();
  }
});
