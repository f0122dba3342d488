import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  api.answers = {
    'GET /v1/instances/web1/screenshot': (_, response) => response.end(Buffer.from([0x89, 0x50, 0, 0xff])),
    'POST /v1/instances/web1/send-key': { plan: ['send-key instance web1'] },
  };
});
afterEach(() => api.stop());

test('the picture is written as it came', async () => {
  const file = join(api.dir, 'web1.png');
  const { code, err } = await api.gantry('instance', 'screenshot', 'web1', '--out', file);
  expect([code, err]).toEqual([0, expect.stringContaining('4 B')]);
  expect([...readFileSync(file)]).toEqual([0x89, 0x50, 0, 0xff]);
});

test('a file that cannot be written, an instance that is not there', async () => {
  const nowhere = join(api.dir, 'no', 'where.png');
  expect((await api.gantry('instance', 'screenshot', 'web1', '--out', nowhere)).code).toBe(2);
  const file = join(api.dir, 'web2.png');
  expect((await api.gantry('instance', 'screenshot', 'web2', '--out', file)).code).toBe(3);
  expect(existsSync(file)).toBe(false);
  expect((await api.gantry('instance', 'screenshot', 'web1')).code).toBe(2);
});

test('keys in their order', async () => {
  await api.gantry('instance', 'send-key', 'web1', 'ctrl+alt+delete', 'enter', '--plan', '--reason', 'hangs');
  expect(api.asked[0]).toMatchObject({
    query: { plan: 'true' },
    body: { keys: ['ctrl+alt+delete', 'enter'], reason: 'hangs' },
  });
});
