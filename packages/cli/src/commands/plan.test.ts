import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeApi, page } from '../testing/fake-api.ts';
import { node } from '../testing/samples.ts';

let api: FakeApi;
let dir: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-plan-'));
  api = new FakeApi();
  await api.start();
});
afterEach(() => {
  api.stop();
  rmSync(dir, { recursive: true });
});

test.each<[string, string[]]>([
  ['PATCH /v1/cluster', ['cluster', 'set', '--cpu-mode', 'host-model']],
  ['PATCH /v1/groups/g', ['group', 'set', 'g', '--unset', 'cpuMode']],
  ['PATCH /v1/networks/lab', ['network', 'set', 'lab', '--vlan', '7']],
  ['PATCH /v1/nodes/n1', ['node', 'set', 'n1', '--group', 'g']],
  ['PATCH /v1/nodes/n1', ['node', 'offline', 'n1']],
  ['DELETE /v1/nodes/n1', ['node', 'remove', 'n1']],
])('%s with %j: the plan, and nothing else', async (route, words) => {
  const plan = ['mtu: unset -> 9000', '1 node (n1) follow'];
  api.answers = { [route]: { plan } };
  const { code, out, err } = await api.gantry(...words, '--plan');
  expect([code, out]).toEqual([0, `${plan.join('\n')}\n`]);
  expect(err).toBe('only a plan: nothing was changed\n');
  expect(api.asked.map(({ method, path, query }) => [`${method} ${path}`, query])).toEqual([
    [route, { plan: 'true' }],
  ]);
  expect(JSON.parse((await api.gantry(...words, '--plan', '-o', 'json')).out)).toEqual({ plan });
});

test('copy-file --plan: which nodes, and what there', async () => {
  const file = join(dir, 'motd');
  writeFileSync(file, 'hello', { mode: 0o640 });
  const offline = { ...node('n3'), spec: { group: 'g', role: 'offline' } };
  api.answers = { 'GET /v1/nodes': page(node('n1'), node('n2'), offline) };
  const words = ['node', 'copy-file', '--all', file, '--to', '/etc/motd', '--plan'];
  const { out, err } = await api.gantry(...words);
  expect(out.split('\n')).toEqual([
    'write /etc/motd on node n1: 5 B, of root, mode 0640',
    'write /etc/motd on node n2: 5 B, of root, mode 0640',
    '',
  ]);
  expect(err).toContain('left out: offline: n3');
  expect(api.asked.map(({ method }) => method)).toEqual(['GET']);
});
