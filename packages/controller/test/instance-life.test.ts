import type { Operation } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const hello = { name: 'hello', flavor: 'small', image: 'debian/12' };

test.each([
  [{ image: 'debian/12' }, { kernel: 'node', initrd: 'node', root: '/dev/vda' }],
  [{ os: { provider: 'debootstrap' } }, { kernel: 'node', initrd: 'node' }],
  [{ os: { provider: 'site', variant: 'default' }, boot: { kernel: 'disk' } }, { kernel: 'disk' }],
  [{}, { kernel: 'disk' }],
] as const)('%j boots what can be there', async (source, boot) => {
  await cluster.call('createInstance', { body: { name: 'hello', flavor: 'small', ...source } });
  expect((await cluster.instance('hello')).spec.boot).toEqual(boot);
});

const act = (route: 'startInstance' | 'stopInstance' | 'rebootInstance' | 'resetInstance', body = {}) =>
  cluster.call<Operation>(route, { params: { ref: 'hello' }, body });

test.each([
  [{}, 'destroyed', /^forced: the guest did not power off within 2[.]00 s$/],
  [{}, 'shutdown', undefined],
  [{ force: true }, 'destroyed', undefined],
] as const)('a stop %j that ended as %s', async (body, reason, wanted) => {
  await cluster.call<Operation>('createInstance', { body: hello });
  await cluster.converge();
  cluster.agent.alter = (told) =>
    told.kind === 'guest' && told.status.state === 'stopped'
      ? { ...told, status: { ...told.status, reason } }
      : told;
  const { spec } = await act('stopInstance', {
    ...body,
    ...(reason === 'destroyed' ? { timeoutMs: 2000 } : {}),
  });
  await cluster.converge();
  const [step] = (await cluster.operation(spec.number)).status.steps;
  expect(step).toMatchObject({ name: 'stopped', state: 'done' });
  if (wanted) expect(step?.detail).toMatch(wanted);
  else expect(step?.detail).toBeUndefined();
});

test('an instance is created, stopped, started, rebooted and deleted', async () => {
  const created = await cluster.call<Operation>('createInstance', { body: { ...hello, until: 'ping' } });
  expect(created.status.state).toBe('running');
  expect((await cluster.instance('hello')).status.state).toBe('creating');
  await cluster.converge();
  const { status, spec } = await cluster.instance('hello');
  expect(status.state).toBe('running');
  expect(status.operation).toBeUndefined();
  expect(spec.nics).toMatchObject([{ ipv4: '10.9.8.10', prefix: 24 }]);
  const done = await cluster.operation(created.spec.number);
  expect(done.status.state).toBe('succeeded');
  expect(done.status.steps.map(({ name, state }) => [name, state])).toEqual([
    ['submitted', 'done'],
    ['placed', 'done'],
    ['network', 'done'],
    ['disk ready', 'done'],
    ['running', 'done'],
    ['first ping', 'done'],
  ]);

  await act('stopInstance');
  expect((await cluster.instance('hello')).status.state).toBe('stopping');
  await cluster.converge();
  expect((await cluster.instance('hello')).status.state).toBe('stopped');
  await act('startInstance');
  await cluster.converge();
  expect((await cluster.instance('hello')).status.state).toBe('running');
  for (const route of ['rebootInstance', 'resetInstance'] as const) {
    const { spec } = await act(route);
    await cluster.converge();
    expect((await cluster.operation(spec.number)).status.state).toBe('succeeded');
  }
  expect((await cluster.agent.assignments()).acts).toEqual([]);

  const deletion = await cluster.call<Operation>('deleteInstance', { params: { ref: 'hello' } });
  await cluster.converge();
  expect((await cluster.operation(deletion.spec.number)).status.state).toBe('succeeded');
  await expect(cluster.instance('hello')).rejects.toMatchObject({ code: 'not_found' });
  const { guests, replicas, acts } = await cluster.agent.assignments();
  expect({ guests, replicas, acts }).toEqual({ guests: [], replicas: [], acts: [] });
  expect(await cluster.store.claims('mac')).toEqual([]);
  await cluster.call('createInstance', { body: hello });
  await cluster.converge();
  expect((await cluster.instance('hello')).spec.nics[0]?.ipv4).toBe('10.9.8.10');
});
