import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';
import { instance } from '../../testing/samples.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  const none = { items: [] };
  api.answers = {
    'GET /v1/nodes': none,
    'GET /v1/flavors': none,
    'GET /v1/images': none,
    'GET /v1/disks': none,
  };
});
afterEach(() => api.stop());

const withSpec = (name: string, spec: object, n: number) => {
  const made = instance(name, {}, n);
  return { ...made, spec: { ...made.spec, ...spec } };
};

test('what keeps others from an instance, and what waits for a decision, is noted', async () => {
  const locked = { by: 'eve', at: '2026-01-01T10:00:00.000Z', reason: 'audit' };
  const items = [
    withSpec('free', {}, 1),
    withSpec('held', { locked }, 2),
    withSpec('tried', { resize: { from: { vcpus: 1, memoryMiB: 512 } } }, 3),
  ];
  api.answers['GET /v1/instances'] = { items };
  const { out } = await api.gantry('instance', 'list', '--fields', 'name,note', '-o', 'csv');
  expect(out.trim().split(/\r?\n/)).toEqual([
    'name,note',
    'free,',
    'held,locked by eve: audit',
    'tried,resized: --confirm or --revert',
  ]);
});

test('its disks in the order of their places, and no others', async () => {
  const held = instance('web1');
  const disk = (name: string, owner: string, index: number) => ({
    ...{ kind: 'disk', id: name, name, revision: '1.1', generation: 1, createdAt: held.createdAt },
    spec: { instance: owner, index, sizeBytes: 2 ** 30, template: 'file-raw' },
    status: { state: 'ready' },
  });
  api.answers['GET /v1/instances'] = { items: [held] };
  api.answers['GET /v1/instances/web1'] = held;
  api.answers['GET /v1/disks'] = {
    items: [disk('b', held.id, 1), disk('x', 'another', 0), disk('a', held.id, 0)],
  };
  const { code, out } = await api.gantry('instance', 'disk', 'list', 'web1', '-o', 'name');
  expect([code, out]).toEqual([0, 'a\nb\n']);
});

test('list is another word for nic show; a plan says that it is one', async () => {
  api.answers['GET /v1/instances/web1'] = instance('web1', { state: 'stopped' });
  api.answers['GET /v1/networks'] = { items: [] };
  expect((await api.gantry('instance', 'nic', 'list', 'web1')).out).toMatch(/^NIC 0\n/);
  api.answers['POST /v1/instances/web1/start'] = { plan: ['start instance web1'] };
  const planned = await api.gantry('instance', 'start', 'web1', '--plan');
  expect([planned.out, planned.err]).toEqual(['start instance web1\n', 'only a plan: nothing was changed\n']);
});
