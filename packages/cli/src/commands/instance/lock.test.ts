import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';
import { instance } from '../../testing/samples.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  api.answers = {
    'PUT /v1/instances/web1/lock': instance('web1'),
    'DELETE /v1/instances/web1/lock': instance('web1'),
    'POST /v1/instances/web1/rename': instance('www1'),
  };
});
afterEach(() => api.stop());

test('locked with a reason, unlocked without', async () => {
  const { out } = await api.gantry('instance', 'lock', 'web1', '--reason', 'under audit');
  expect(out).toBe('web1 is locked: under audit\n');
  expect(api.asked[0]?.body).toEqual({ reason: 'under audit' });
  expect((await api.gantry('instance', 'unlock', 'web1')).out).toBe('web1 is not locked\n');
  expect((await api.gantry('instance', 'lock', 'web1')).code).toBe(2);
});

test('renamed, or only planned', async () => {
  expect((await api.gantry('instance', 'rename', 'web1', 'www1')).out).toBe('web1 is now called www1\n');
  expect(api.asked[0]?.body).toEqual({ name: 'www1' });
  const plan = await api.gantry('instance', 'rename', 'web1', 'www1', '--plan');
  expect(plan.out).toBe('web1 would be called www1\n');
  expect(api.asked[1]?.query).toEqual({ plan: 'true' });
  expect((await api.gantry('instance', 'rename', 'web1')).code).toBe(2);
});
