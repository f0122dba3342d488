/** Locks, and other names: what they refuse, and what is swapped with them. */
import type { Guest, Instance } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createInstance', { body: body('web') });
  await cluster.converge();
});
afterEach(() => cluster.close());

const body = (name: string) => ({ name, flavor: 'small', image: 'debian/12' });
const params = { ref: 'web' };
const lock = (reason: unknown = 'under audit') =>
  cluster.call<Instance>('lockInstance', { params, body: { reason } });
const unlock = () => cluster.call<Instance>('unlockInstance', { params });
const rename = (name: unknown, ref = 'web') =>
  cluster.call<Instance>('renameInstance', { params: { ref }, body: { name } });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

describe('a lock', () => {
  test('refuses every change with its reason, and nothing after it is taken off', async () => {
    expect((await lock()).spec.locked).toMatchObject({ reason: 'under audit', by: 'admin' });
    const changes = [
      cluster.call('stopInstance', { params, body: {} }),
      cluster.call('rebootInstance', { params, body: {} }),
      cluster.call('deleteInstance', { params }),
      cluster.call('setInstance', { params, body: { protected: true } }),
      rename('www'),
    ];
    expect(await Promise.all(changes.map(codeOf))).toEqual(changes.map(() => 'locked'));
    await expect(rename('www')).rejects.toThrow('instance web is locked by admin: under audit');
    await unlock();
    await unlock();
    expect(await codeOf(cluster.call('stopInstance', { params, body: { force: true } }))).toBe('done');
  });

  test('leaves what is under way alone', async () => {
    await cluster.call('stopInstance', { params, body: {} });
    await lock();
    await cluster.converge();
    expect((await cluster.instance('web')).status.state).toBe('stopped');
  });

  test('and a deletion at the same time: one wins', async () => {
    const ends = await Promise.all([lock(), cluster.call('deleteInstance', { params })].map(codeOf));
    const { spec, status } = await cluster.instance('web');
    if (ends[1] === 'done') expect(status.state).toBe('deleting');
    else expect([ends, spec.locked?.reason]).toEqual([['done', 'locked'], 'under audit']);
  });

  test.each([[''], ['a\nb'], [undefined], ['x'.repeat(256)]])('%j is no reason', async (reason) => {
    expect(await codeOf(lock(reason ?? null))).toBe('invalid_body');
  });
});

describe('another name', () => {
  const stop = async () => {
    await cluster.call('stopInstance', { params, body: { force: true } });
    await cluster.converge();
  };

  test('goes to instance, disks, binding and host name; the old one is free', async () => {
    await stop();
    const { id } = await cluster.instance('web');
    expect(await rename('www')).toMatchObject({
      id,
      name: 'www',
      spec: { personality: { hostname: 'www' } },
    });
    const guest = await cluster.call<Guest>('getInstanceGuest', { params: { ref: 'www' } });
    expect([guest.name, guest.spec.input.name]).toEqual(['www', 'www']);
    const { items } = await cluster.call<{ items: { name: string }[] }>('listDisks');
    expect(items.map(({ name }) => name)).toEqual(['www:0']);
    expect(await codeOf(cluster.instance('web'))).toBe('not_found');
    expect(await codeOf(cluster.call('createInstance', { body: body('web') }))).toBe('done');
    expect(await codeOf(cluster.call('createInstance', { body: body('www') }))).toBe('name_taken');
    await cluster.call('startInstance', { params: { ref: 'www' }, body: {} });
    await cluster.converge();
    expect((await cluster.instance('www')).status.state).toBe('running');
  });

  test('is not given to two', async () => {
    await cluster.call('createInstance', { body: { ...body('db'), power: 'stopped' } });
    await cluster.converge();
    await stop();
    const ends = await Promise.all([rename('www'), rename('www', 'db')].map(codeOf));
    expect(ends.toSorted()).toEqual(['done', 'name_taken']);
    const created = await Promise.all(
      [rename('x', 'www'), cluster.call('createInstance', { body: body('x') })].map(codeOf),
    );
    expect(created.toSorted()).toEqual(['done', 'name_taken']);
  });

  test('a host name of its own stays, and so does everything of a plan', async () => {
    await stop();
    const plan = await cluster.call<Instance>('renameInstance', {
      params,
      body: { name: 'www' },
      query: { plan: true },
    });
    expect(plan.name).toBe('www');
    expect((await cluster.instance('web')).name).toBe('web');
  });

  test('only while it is stopped', async () => {
    expect(await codeOf(rename('www'))).toBe('wrong_state');
  });

  test.each([['A'], ['a b'], [''], ['../x'], [7]])('%j is no name', async (name) => {
    expect(await codeOf(rename(name))).toBe('invalid_body');
  });
});
