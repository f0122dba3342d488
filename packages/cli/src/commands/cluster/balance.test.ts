import type { BalancePlan, InstanceId } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Asked, FakeApi } from '../../testing/fake-api.ts';
import { operation } from '../../testing/samples.ts';

const move = { group: 'default', from: 'n1', to: 'n2', score: 1, bytes: 2 ** 30 };
const plan: BalancePlan = {
  score: { before: 3.5, after: 1.25 },
  parts: [],
  moves: [
    { ...move, instance: 'i1' as InstanceId, name: 'web1', state: 'stopped', way: 'move', gain: 1.5 },
    { ...move, instance: 'i2' as InstanceId, name: 'web2', state: 'running', way: 'stop', gain: 0.75 },
  ],
  bytes: 2 ** 31,
  held: [
    {
      instance: 'i3' as InstanceId,
      name: 'db1',
      node: 'n1',
      to: 'n3',
      gain: 0.5,
      why: 'locked: \u001b[31mmine',
    },
  ],
};
const path = 'POST /v1/cluster/balance';

let api: FakeApi;
let planned: BalancePlan;
beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  planned = plan;
  api.answers = {
    [path]: ({ query }: Asked, response) =>
      response.end(JSON.stringify(query['plan'] === 'true' ? planned : operation('running'))),
  };
});
afterEach(() => api.stop());
const balance = (...words: string[]) => api.gantry('cluster', 'balance', ...words);

test.each([[[]], [['--plan']], [['--plan', '--apply', '--yes']]])(
  'with %j it only shows moves in order, and who stays and why',
  async (words) => {
    const { code, out } = await balance(...words);
    expect(code).toBe(0);
    expect(out).toContain('2 moves, 2 GiB to copy; score 3.5000 -> 1.2500');
    expect(out).toMatch(
      /1 +web1 +n1 +n2 +1 GiB +stopped +1.5000\n +2 +web2 +n1 +n2 +1 GiB +must be stopped +0.7500/,
    );
    expect(out).toMatch(/db1 +n1 +n3 +0.5000 +locked: /);
    expect(out).not.toContain('\u001b');
    expect(api.asked.map(({ query }) => query)).toEqual([{ plan: 'true' }]);
  },
);

test('what is asked for goes to the plan and to the operation alike', async () => {
  const bounds = ['--group', 'default', '--max-moves', '3', '--max-bytes', '2G', '--min-gain', '0.05'];
  const { code, err, out } = await balance(...bounds, '--stop', '--apply', '--yes', '--detach');
  expect([code, err]).toEqual([0, expect.stringContaining('web2')]);
  expect(out).toMatch(/^op \d+ /);
  const body = { group: 'default', maxMoves: 3, maxBytes: 2 ** 31, minGain: 0.05, stop: true };
  expect(api.asked.map((asked) => [asked.query, asked.body])).toEqual([
    [{ plan: 'true' }, body],
    [{}, body],
  ]);
});

test('nothing is moved that nobody confirmed', async () => {
  const { code, err } = await balance('--apply');
  expect([code, err]).toEqual([2, expect.stringContaining('add --yes')]);
  expect(api.asked).toHaveLength(1);
});

test('where nothing would help, nothing is begun', async () => {
  planned = { ...plan, moves: [], bytes: 0, held: [], score: { before: 1, after: 1 } };
  const { code, out } = await balance('--apply', '--yes');
  expect([code, out]).toEqual([0, 'nothing to move; score 1.0000 -> 1.0000\n']);
  expect(api.asked).toHaveLength(1);
  expect(JSON.parse((await balance('-o', 'json')).out)).toEqual(planned);
});

test.each([
  ['--min-gain', '-1'],
  ['--min-gain', '1e3'],
  ['--max-moves', 'x'],
  ['--max-bytes', '5'],
])('%s %s is refused before anything is asked', async (flag, value) => {
  expect((await balance(`${flag}=${value}`)).code).not.toBe(0);
  expect(api.asked).toEqual([]);
});
