import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../run.ts';
import { fakeIo } from '../../testing/fake-io.ts';

const dir = mkdtempSync(join(tmpdir(), 'gantry-placement-'));
afterAll(() => rmSync(dir, { recursive: true }));
const oracle = (name: string): string => {
  const packed = join(import.meta.dirname, '../../../../../test/oracle/placement', `${name}.gz`);
  writeFileSync(join(dir, name), gunzipSync(readFileSync(packed)));
  return join(dir, name);
};
const cluster = oracle('mixed-20.txt');
const request = oracle('mixed-20.alloc-drbd.json');

async function gantry(...words: string[]) {
  const io = fakeIo();
  const code = await run(['placement', ...words], io);
  return { code, out: io.out(), err: io.err() };
}
const size = ['--memory', '8G', '--vcpus', '4', '--disk', '80G'];

test('allocate by options is allocate by the same request', async () => {
  const flags = await gantry(
    'allocate',
    '--cluster',
    cluster,
    ...size,
    '--name',
    'new0.example.com',
    '--json',
  );
  const file = await gantry('allocate', '--cluster', cluster, '--request', request, '--json');
  const [a, b] = [flags, file].map(({ out }) => ({ ...JSON.parse(out), seconds: 0 }));
  expect(a).toEqual(b);
  expect(a).toMatchObject({
    success: true,
    nodes: ['node0011.example.com', 'node0013.example.com'],
    group: 'group1',
  });
  expect(a.score.components.n1_cnt).toEqual({ weight: 1, before: 0, after: 0 });
});

test('what is written can be planned on again', async () => {
  const out = join(dir, 'after.txt');
  await gantry('allocate', '--cluster', cluster, ...size, '--name', 'new0', '--write', out);
  const again = await gantry('allocate', '--cluster', out, ...size, '--name', 'new0');
  expect([again.code, again.err]).toEqual([5, expect.stringContaining('[name_taken]')]);
});

test('a refusal has exit code 6, the reasons of each node, a way out that works, and writes nothing', async () => {
  const out = join(dir, 'never.txt');
  const large = ['--memory', '64G', '--vcpus', '1', '--disk', '300G', '--group', 'group0'];
  const tight = oracle('tight-20.txt');
  const {
    code,
    out: said,
    err,
  } = await gantry('allocate', '--cluster', tight, ...large, '--write', out, '--json');
  expect([code, existsSync(out)]).toEqual([6, false]);
  expect(JSON.parse(said)).toMatchObject({ success: false, nodes: [], lookedAt: 20 });
  expect(err).toContain('[no_capacity]');
  const memory = /with (\d+) MiB of memory it fits/.exec(err)?.[1];
  const smaller = await gantry('allocate', '--cluster', tight, '--memory', `${memory}M`, ...large.slice(2));
  expect(smaller.code).toBe(0);
});

test('balance keeps to its group and number of moves, and says what they cost', async () => {
  const { code, out } = await gantry(
    'balance',
    '--cluster',
    cluster,
    '--group',
    'group0',
    '--max-moves',
    '5',
    '--json',
  );
  const { score, moves, groups } = JSON.parse(out);
  expect([code, moves.length, groups.length]).toEqual([0, 5, 1]);
  expect(score.after).toBeLessThanOrEqual(31.3241304);
  expect(moves[0]).toMatchObject({ command: 'r:node0009.example.com f', copyMiB: expect.any(Number) });
  const people = await gantry('balance', '--cluster', cluster, '--group', 'group0', '--max-moves', '5');
  expect(people.out).toMatch(/^5 moves, .* to copy; score 40\.588 -> 31\.3/);
});

test('capacity counts standard and tiered instances', async () => {
  const { out } = await gantry('capacity', '--cluster', cluster, '--json', '--no-capacity-checks');
  const { standard, tiered } = JSON.parse(out);
  expect(standard.size.count).toBeGreaterThanOrEqual(97);
  expect(tiered.count).toBeGreaterThanOrEqual(17);
  expect(standard.withLossesCovered).toBeUndefined();
});

describe('is refused', () => {
  const cut = join(dir, 'cut.txt');
  writeFileSync(cut, readFileSync(cluster, 'utf8').slice(0, 9000));
  const evacuate = join(dir, 'evacuate.json');
  writeFileSync(evacuate, JSON.stringify({ request: { type: 'dance', instances: [] } }));
  const half = join(dir, 'half.json');
  writeFileSync(half, readFileSync(request, 'utf8').slice(0, 5000));
  const names = join(dir, 'names.json');
  const whole = JSON.parse(readFileSync(request, 'utf8'));
  writeFileSync(names, JSON.stringify({ request: { ...whole.request, name: 'a|b' } }));
  test.each<[string, number, string, string[]]>([
    ['no file', 2, 'usage', ['capacity']],
    ['a file that is not there', 2, 'invalid_argument', ['capacity', '--cluster', join(dir, 'none')]],
    ['a file that was cut off', 2, 'invalid_cluster_file', ['balance', '--cluster', cut]],
    ['an unknown group', 3, 'not_found', ['balance', '--cluster', cluster, '--group', 'x']],
    [
      'a request that is cut off',
      2,
      'invalid_argument',
      ['allocate', '--cluster', cluster, '--request', half],
    ],
    [
      'another kind of request',
      2,
      'not_supported',
      ['allocate', '--cluster', cluster, '--request', evacuate],
    ],
    [
      'a name that breaks the format',
      2,
      'invalid_argument',
      ['allocate', '--cluster', cluster, '--request', names],
    ],
    ['no memory', 2, 'usage', ['allocate', '--cluster', cluster, '--vcpus', '1']],
    [
      'a template of its own',
      2,
      'invalid_argument',
      ['allocate', '--cluster', cluster, ...size, '--template', 'x'],
    ],
    [
      'a tag that breaks the format',
      2,
      'invalid_argument',
      ['allocate', '--cluster', cluster, ...size, '--tag', 'a|b'],
    ],
    [
      'a place that cannot be written',
      2,
      'invalid_argument',
      ['capacity', '--cluster', cluster, '--limit', '1', '--write', join(dir, 'no/where')],
    ],
  ])('%s', async (_what, exit, code, words) => {
    const said = await gantry(...words);
    expect([said.code, said.err]).toEqual([exit, expect.stringContaining(`[${code}]`)]);
  });
});
