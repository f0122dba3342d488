/** The answer got lost and the request comes again: it was done once, and the answer is as if nothing had been lost. */
import type { Flavor, Instance, Operation, RouteName, Token } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Request } from '../src/api/call.ts';
import type { Resource } from '../src/kinds.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
  await cluster.call('createFlavor', {
    body: { name: 'wee', spec: { vcpus: 1, memoryMiB: 128, diskMiB: 64 } },
  });
  await cluster.call('createDisk', { body: { name: 'data', sizeMiB: 64 } });
  await cluster.call('createUser', { body: { name: 'ann', spec: { role: 'viewer' } } });
  await cluster.call('createProject', { body: { name: 'blue' } });
  await cluster.call('createInstance', {
    body: { name: 'web', flavor: 'small', image: 'debian/12', power: 'stopped' },
  });
  await cluster.converge();
});
afterEach(() => cluster.close());

type Asked = Omit<Request, 'route' | 'token'>;
const twice = async <T>(route: RouteName, request: Asked): Promise<[T, T]> => {
  const asked = { ...request, idempotencyKey: 'once' };
  return [await cluster.call<T>(route, asked), await cluster.call<T>(route, asked)];
};

describe('deletions', () => {
  test('of a disk with bytes: while they go, and when they are gone', async () => {
    const instance = { params: { ref: 'web' } };
    await cluster.call('attachDisk', { ...instance, body: { disk: 'data' } });
    await cluster.converge();
    await cluster.call('detachDisk', { params: { ref: 'web', disk: 'data' } });
    await cluster.converge();
    const request = { params: { ref: 'data' }, idempotencyKey: 'once' };
    const deleted = { kind: 'disk', name: 'data', status: { state: 'deleting' } };
    expect(await cluster.call('deleteDisk', request)).toMatchObject(deleted);
    expect(await cluster.call('deleteDisk', request)).toMatchObject(deleted);
    await cluster.converge();
    await expect(cluster.call('getDisk', { params: { ref: 'data' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await cluster.call('deleteDisk', request)).toMatchObject(deleted);
  });

  test.each([
    ['deleteFlavor', 'wee'],
    ['deleteDisk', 'data'],
    ['deleteUser', 'ann'],
    ['deleteProject', 'blue'],
  ] as const)('%s', async (route, ref) => {
    const [first, second] = await twice<Resource>(route, { params: { ref } });
    expect(first).toMatchObject({ name: ref, kind: route.slice('delete'.length).toLowerCase() });
    expect(second).toEqual(first);
    await expect(cluster.call(route, { params: { ref } })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of what gets the name anew, only by a new request', async () => {
    await cluster.call('deleteDisk', { params: { ref: 'data' }, idempotencyKey: 'once' });
    await cluster.call('createDisk', { body: { name: 'data', sizeMiB: 64 } });
    await cluster.call('deleteDisk', { params: { ref: 'data' }, idempotencyKey: 'once' });
    expect(await cluster.call('getDisk', { params: { ref: 'data' } })).toMatchObject({ name: 'data' });
  });
});

describe('changes', () => {
  test('a revision that was asked for is the one before', async () => {
    const { revision } = await cluster.call<Flavor>('getFlavor', { params: { ref: 'wee' } });
    const body = { extraSpecs: { 'hw:cpu_policy': 'dedicated' } };
    const [first, second] = await twice<Flavor>('setFlavor', {
      params: { ref: 'wee' },
      body,
      ifMatch: revision,
    });
    expect(second).toEqual(first);
  });

  test('a new name', async () => {
    const [first, second] = await twice<Instance>('renameInstance', {
      params: { ref: 'web' },
      body: { name: 'other', nameCheck: false },
    });
    expect(second).toEqual(first);
    expect(first.name).toBe('other');
  });

  test('of a device: one operation', async () => {
    const [first, second] = await twice<Operation>('setNic', {
      params: { ref: 'web', nic: '0' },
      body: { link: 'down' },
    });
    expect(second.id).toBe(first.id);
  });

  test('a password leaves no trace in what is remembered', async () => {
    const before = await cluster.store.revision();
    const request = {
      params: { ref: 'web' },
      body: { user: 'root', password: 'secret' },
      idempotencyKey: 'once',
    };
    await expect(cluster.call('setInstancePassword', request)).rejects.toMatchObject({ code: 'wrong_state' });
    expect(await cluster.store.revision()).toBe(before);
  });
});

test('whose rights went meanwhile gets no answer to it', async () => {
  const asAnn = async (role: 'operator' | 'viewer') => {
    await cluster.call('grantProject', { params: { ref: 'blue', user: 'ann' }, body: { role } });
  };
  await cluster.call('setUser', { params: { ref: 'ann' }, body: { role: null } });
  await asAnn('operator');
  const { secret } = await cluster.call<{ token: Token; secret: string }>('createToken', {
    body: { spec: { user: 'ann' } },
  });
  const request = { token: secret, body: { name: 'own', sizeMiB: 64 }, idempotencyKey: 'once' };
  await cluster.controller.call('createDisk', request);
  await cluster.call('revokeProject', { params: { ref: 'blue', user: 'ann' } });
  await cluster.call('createProject', { body: { name: 'red' } });
  await cluster.call('grantProject', { params: { ref: 'red', user: 'ann' }, body: { role: 'operator' } });
  await expect(cluster.controller.call('createDisk', request)).rejects.toMatchObject({ code: 'not_found' });
});
