import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  const of = { revision: '1.1', generation: 1, createdAt: '2026-01-01T00:00:00.000Z' };
  const group = (name: string) => ({ ...of, kind: 'group', id: `g-${name}`, name, spec: {}, status: {} });
  const node = (name: string, role: string) => ({
    ...{ ...of, kind: 'node', id: `n-${name}`, name, spec: { group: 'g-rack1', role } },
    status: { state: 'ready', conditions: [] },
  });
  api.answers = {
    'GET /v1/groups/rack1': group('rack1'),
    'GET /v1/groups/rack2': group('rack2'),
    'GET /v1/nodes': { items: [node('n1', 'offline')] },
  };
});
afterEach(() => api.stop());

const exec = (...where: string[]) => api.gantry('node', 'exec', ...where, '--', 'true');

test.each([
  [['--group', 'rack2'], 'no node is in rack2'],
  [['--group', 'rack1'], 'offline: n1'],
  [['--group', 'rack1', '--group', 'rack2'], 'no node is in rack2; offline: n1'],
])('nothing to do it on is no success: %s', async (where, why) => {
  const { code, err } = await exec(...where);
  expect([code, err]).toEqual([5, expect.stringContaining(why)]);
  expect(err).toContain('[no_nodes]');
  expect(api.asked.some(({ method }) => method === 'POST')).toBe(false);
});
