import type { InstanceDiff } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi } from '../../testing/fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
});
afterEach(() => api.stop());

const answer = (more: Partial<InstanceDiff> = {}): object => ({
  instance: '8d5f0a52-6c0d-4f0f-9d54-1c2f6f5ad001',
  name: 'web1',
  node: '155d900f-4e14-4e4c-a73d-069cbf4541e6',
  compared: 'running',
  differences: [],
  ...more,
});

const cache: InstanceDiff['differences'][number] = {
  path: '/domain/devices/disk[vda]/driver/@cache',
  change: 'changed',
  cause: 'settings',
  now: 'none',
  wanted: 'unsafe',
  level: 'cluster',
  source: 'diskCache',
  rule: 'as the policy says',
  applies: 'next-start',
  why: 'QEMU opens a disk once',
};
const plugged: InstanceDiff['differences'][number] = {
  path: '/domain/devices/disk[vdb]',
  change: 'removed',
  cause: 'foreign',
  now: "<disk type='file'><target dev='vdb'/></disk>",
  rule: 'changed by hand: no setting asks for it',
  applies: 'live',
  why: 'it is plugged in or out',
};

const asks = (body: object) => {
  api.answers = { 'GET /v1/instances/web1/diff': body };
};

test('nothing differs: one line, and exit code 0 whatever was asked', async () => {
  asks(answer());
  for (const words of [
    ['instance', 'diff', 'web1'],
    ['diff', 'web1', '--exit-code'],
  ]) {
    const { code, out, err } = await api.gantry(...words);
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe('web1: the running guest is as its settings would make it now\n');
  }
});

test('a table for each cause, with values as one reads them', async () => {
  asks(answer({ differences: [cache, plugged] }));
  const { code, out } = await api.gantry('instance', 'diff', 'web1');
  expect(code).toBe(0);
  expect(out).toMatch(
    /^web1: the running guest differs .* in 2 places\n\nDifferences\n {2}ELEMENT +NOW +WANTED /,
  );
  expect(out).toMatch(
    /^ {2}devices\/disk\[vda]\/driver\/@cache +none +unsafe +cluster \(diskCache\): as the policy says +next-start +QEMU/m,
  );
  expect(out).toMatch(
    /\nChanged by hand\n.*\n {2}devices\/disk\[vdb] +type=file target dev=vdb +- +changed by hand/,
  );
  expect((await api.gantry('diff', 'web1', '-o', 'wide')).out).toContain(plugged.now);
});

test('of a stopped guest, and of settings that are refused', async () => {
  const problem = {
    type: 't',
    code: 'invalid_property',
    title: 'x=1 is not valid',
    status: 400,
    hint: 'explain',
  };
  asks(answer({ compared: 'definition', refused: { settings: 'next-start', problem } }));
  const { code, out } = await api.gantry('diff', 'web1', '--exit-code');
  expect(code).toBe(1);
  expect(out).toContain('the last definition of the stopped guest');
  expect(out).toMatch(/Refused at the next start\nerror: x=1 is not valid +\[invalid_property]/);
});

test('JSON is the API’s own, CSV one row a difference', async () => {
  asks(answer({ differences: [cache] }));
  expect(JSON.parse((await api.gantry('diff', 'web1', '-o', 'json')).out)).toEqual(
    answer({ differences: [cache] }),
  );
  const { out } = await api.gantry('diff', 'web1', '-o', 'csv');
  expect(out.trimEnd().split('\r\n')[1]).toBe(
    'devices/disk[vda]/driver/@cache,changed,settings,none,unsafe,cluster,diskCache,as the policy says,next-start,QEMU opens a disk once',
  );
});

test('with --exit-code differences are a failure of their own code', async () => {
  asks(answer({ differences: [cache] }));
  const { code, err } = await api.gantry('diff', 'web1', '--exit-code');
  expect(code).toBe(1);
  expect(err).toMatch(/^error: instance web1 differs from its settings: in 1 place +\[guest_differs]/);
});
