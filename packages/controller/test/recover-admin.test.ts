import type { Event } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recoverAdmin } from '../src/recover-admin.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { testEnv } from '../src/testing/test-env.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const recover = () => recoverAdmin(cluster.store, cluster.env, 'root (login eve)');
const whoami = async (token: string) =>
  (await cluster.controller.call('whoami', { token })).body as { role: string; user: { name: string } };

test('a new token of an administrator, told in the audit', async () => {
  const { secret, token, changed } = await recover();
  expect(changed).toEqual([]);
  expect(await whoami(secret)).toMatchObject({ role: 'admin', user: { name: 'admin' } });
  const { items } = await cluster.call<{ items: Event[] }>('listAudit', {});
  const told = items.find(({ type }) => type === 'access.recovered');
  expect(told).toMatchObject({
    actor: 'root (login eve)',
    level: 'warn',
    audit: { token: { name: token }, from: 'the store itself', result: 'done' },
  });
  expect(JSON.stringify(items)).not.toContain(secret);
});

test('also where the user was disabled, made less, or deleted', async () => {
  const user = { name: 'eve', spec: { role: 'admin' } };
  await cluster.call('createUser', { body: user });
  const { secret } = await cluster.call<{ secret: string }>('createToken', {
    body: { spec: { user: 'eve' } },
  });
  const asEve = (route: 'setUser' | 'deleteUser', body?: object) =>
    cluster.controller.call(route, { token: secret, params: { ref: 'admin' }, ...(body ? { body } : {}) });
  await asEve('setUser', { disabled: true, role: 'viewer' });
  const first = await recover();
  expect(first.changed).toEqual(['enabled', 'made an administrator']);
  expect((await whoami(first.secret)).role).toBe('admin');
  await asEve('deleteUser');
  const second = await recover();
  expect(second.changed).toEqual(['made']);
  expect((await whoami(second.secret)).role).toBe('admin');
});

test('a store of no cluster is refused', async () => {
  const store = new SqliteStore(':memory:');
  await expect(recoverAdmin(store, testEnv(), 'root')).rejects.toMatchObject({ code: 'store_unusable' });
  await store.close();
});
