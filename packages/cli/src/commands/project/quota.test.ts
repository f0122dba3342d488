import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';
import { parseNewQuota, parseQuota } from './quota.ts';

test.each([
  ['instances=10', { instances: 10 }],
  [
    'instances=0,vcpus=20,memory=64G,disk=1T,addresses=20',
    { instances: 0, vcpus: 20, memoryMiB: 65_536, diskMiB: 2 ** 20, addresses: 20 },
  ],
  ['memory=1536M,disk=unlimited', { memoryMiB: 1536, diskMiB: null }],
])('--quota %s', (text, expected) => {
  expect(parseQuota(text)).toEqual(expected);
});

test.each([
  ['', 'KEY=VALUE'],
  ['10', 'KEY=VALUE'],
  ['memory=64', 'unit'],
  ['vcpus=2G', 'whole number'],
  ['vcpus=-1', 'whole number'],
  ['instances=', 'whole number'],
  ['cpus=4', 'vcpus'],
  ['vcpus=1,vcpus=2', 'only once'],
  ['memory=0.3K', 'MiB'],
  ['disk=infinite', 'unit'],
])('--quota %s is refused: %s', (text, why) => {
  expect(() => parseQuota(text)).toThrow(
    expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(why) }),
  );
});

test('a new project is unlimited where nothing is said', () => {
  expect(parseNewQuota('vcpus=1')).toEqual({ vcpus: 1 });
  expect(() => parseNewQuota('vcpus=unlimited')).toThrow('leave it out');
});

const api = new FakeApi();
beforeAll(() => api.start());
afterAll(() => api.stop());
const project = {
  kind: 'project',
  name: 'web',
  spec: { quota: { vcpus: 4, memoryMiB: 512 } },
  status: { usage: { instances: 2, vcpus: 3, memoryMiB: 1024, diskMiB: 10_240, addresses: 0 } },
};

test('project set sends what was named, and shows what there is', async () => {
  api.answers = { 'PATCH /v1/projects/web': project };
  const { code, out } = await api.gantry('project', 'set', 'web', '--quota', 'vcpus=4,disk=unlimited');
  expect(code).toBe(0);
  expect(api.asked.at(-1)?.body).toEqual({ quota: { vcpus: 4, diskMiB: null } });
  expect(out).toMatch(/vcpus +3 +4\n/);
  expect(out).toMatch(/memory +1 GiB +512 MiB \(exceeded\)/);
  expect(out).toMatch(/disk +10 GiB +unlimited/);
  expect((await api.gantry('project', 'set', 'web')).code).toBe(2);
});
