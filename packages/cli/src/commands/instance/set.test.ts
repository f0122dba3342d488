import type { InstanceChanged } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';
import { instance } from '../../testing/samples.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  answers(changes);
});
afterEach(() => api.stop());

const changes: InstanceChanged['changes'] = [
  { setting: 'memory', from: '1.0 GiB', to: '2.0 GiB', applies: 'next-start', why: 'QEMU lays out memory' },
  { setting: 'protected', from: 'no', to: 'yes', applies: 'now', why: 'it is kept with the instance' },
];
const answers = (all: InstanceChanged['changes'], state: 'running' | 'stopped' = 'running') => {
  api.answers = { 'PATCH /v1/instances/web1': { instance: instance('web1', { state }), changes: all } };
};
const set = (...words: string[]) => api.gantry('instance', 'set', 'web1', ...words);

test('each change with when and why, and how to come to the next start', async () => {
  const { code, out, err } = await set('--memory', '2G', '--protect', 'yes');
  expect(code).toBe(0);
  expect(out).toMatch(/memory +1\.0 GiB +2\.0 GiB +at next start +QEMU lays out memory/);
  expect(out).toMatch(/protected +no +yes +now /);
  expect(err).toContain('gantry instance stop web1 && gantry instance start web1');
  expect(api.asked[0]?.body).toEqual({ memoryMiB: 2048, protected: true });
});

test('a stopped one is only to be started; nothing changed is said', async () => {
  answers(changes, 'stopped');
  expect((await set('--memory', '2G')).err).not.toContain('stop web1');
  answers([]);
  const { out, err } = await set('--memory', '1G');
  expect(out).toBe('web1 is so already\n');
  expect(err).toBe('');
});

test('what is set, and what unset', async () => {
  await set('--flavor', 'large', '--vcpus', '4', '--on-crash', 'stop', '--unset', 'cpuMode', '--plan');
  expect(api.asked[0]).toMatchObject({
    query: { plan: 'true' },
    body: { flavor: 'large', vcpus: 4, guest: { onCrash: 'stop', cpuMode: null } },
  });
  await set('--kernel', 'node', '--kernel-args', '', '--initrd', 'none');
  expect(api.asked[1]?.body).toEqual({ boot: { kernel: 'node', args: null, initrd: null } });
  await set('--label', 'a=b', '--remove-label', 'c');
  expect(api.asked[2]?.body).toEqual({ labels: { a: 'b', c: null } });
});

test.each([
  [[], 'usage'],
  [['--unset', 'colour'], 'invalid_argument'],
  [['--memory', 'lots'], 'invalid_argument'],
  [['--vcpus', '-1'], 'usage'],
  [['--protect', 'maybe'], 'usage'],
])('%j asks nothing', async (words) => {
  const { code } = await set(...words);
  expect(code).toBe(2);
  expect(api.asked).toEqual([]);
});
