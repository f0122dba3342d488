/** What would be set, and what follows of it; nothing is. */
import type { Plan, RouteName } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createGroup', { body: { name: 'rack1' } });
  await cluster.call('createNetwork', {
    body: {
      name: 'net100',
      spec: {
        ...{ mode: 'uplink', uplink: 'bond0', vlan: 100, bridge: 'br100', groups: ['default'] },
        subnet: { cidr: '10.1.0.0/24' },
      },
    },
  });
  const nics = [{ network: 'net100' }];
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'small', image: 'debian/12', nics } });
  await cluster.converge();
});
afterEach(() => cluster.close());

async function planOf(route: RouteName, ref: string | undefined, body: object): Promise<string[]> {
  const before = await cluster.store.revision();
  const params = ref === undefined ? {} : { params: { ref } };
  const { plan } = await cluster.call<Plan>(route, { ...params, body, query: { plan: true } });
  expect(await cluster.store.revision()).toEqual(before);
  return plan;
}

test('settings of the cluster: when guests get them, and who inherits', async () => {
  const body = { guest: { cpuMode: 'host-model', onCrash: 'stop' }, host: { traits: ['CUSTOM_A'] } };
  expect(await planOf('setClusterPolicy', undefined, body)).toEqual([
    expect.stringMatching(
      /^guest[.]cpuMode: unset -> host-model; guests that run get it with their next start/,
    ),
    expect.stringMatching(/^guest[.]onCrash: unset -> stop; at once/),
    'inherited by 1 instance (web), where nothing nearer says otherwise',
    'host.traits: unset -> CUSTOM_A',
    expect.stringMatching(/^for 1 node [(]n1[)], where it says nothing itself: guests that are started/),
  ]);
});

test('of a group: who is in it', async () => {
  const body = { guest: { cpuMode: 'host-model' } };
  const last = async (ref: string) => (await planOf('setGroupPolicy', ref, body)).at(-1);
  expect(await last('default')).toMatch(/^inherited by 1 instance [(]web[)]/);
  expect(await last('rack1')).toMatch(/^inherited by no instances/);
});

test('a node that is set offline or drained: its guests are named', async () => {
  expect(await planOf('setNode', 'n1', { role: 'offline' })).toEqual([
    'role: active -> offline; it counts as switched off: it takes no new guests, and nobody waits for its word',
    'bound to it, and started nowhere else: 1 instance (web (running)); what runs goes on',
  ]);
  expect((await planOf('setNode', 'n1', { role: 'drained' }))[0]).toMatch(/^role: active -> drained/);
  expect(await planOf('setNode', 'n1', { role: 'active' })).toEqual([]);
});

test('a node that changes its group: what it inherits, and which networks come and go', async () => {
  expect(await planOf('setNode', 'n1', { group: 'rack1', host: { packCells: true } })).toEqual([
    'group: default -> rack1; guests on it inherit from that group then',
    'no longer on it: 1 network (net100)',
    'host.packCells: unset -> true',
    expect.stringContaining('guests that are started from then on'),
  ]);
});

test('a network: its nodes follow, its instances keep their addresses', async () => {
  const body = { vlan: 101, mtu: 9000, subnet: { poolStart: '10.1.0.50' } };
  expect(await planOf('setNetwork', 'net100', body)).toEqual([
    'mtu: unset -> 9000',
    expect.stringMatching(/^subnet[.]poolStart: .* -> 10[.]1[.]0[.]50$/),
    'vlan: 100 -> 101',
    'wired anew on 1 node (n1); one that loses the controller by it takes it back',
    'addresses that are in use are kept: 1 instance (web)',
  ]);
  expect((await planOf('setNetwork', 'net100', { groups: ['default', 'rack1'] }))[0]).toBe(
    'groups: default -> default rack1',
  );
});

test('what the command itself would be refused for, the plan is', async () => {
  const plan = { query: { plan: true } };
  const cut = { params: { ref: 'net100' }, body: { groups: ['rack1'] }, ...plan };
  await expect(cluster.call('setNetwork', cut)).rejects.toMatchObject({ code: 'in_use' });
  const cpus = {
    params: { ref: 'n1' },
    body: { host: { dedicatedCpus: '0-1', sharedCpus: '1-2' } },
    ...plan,
  };
  await expect(cluster.call('setNode', cpus)).rejects.toThrow();
});
