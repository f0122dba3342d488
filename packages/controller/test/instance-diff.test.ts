/** A comparison asked of the node: what it is asked, and that no answer of it does harm. */
import { err, type InstanceDiff, type NodeCall, toProblem } from '@gantry/model';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
/** What the node was asked, and what it says. */
let asked: NodeCall[] = [];
let says: string | undefined = '';
const over = new AbortController();

beforeAll(async () => {
  cluster = await testCluster();
  const spec = { vcpus: 1, memoryMiB: 64, diskMiB: 64, extraSpecs: { 'hw:watchdog_action': 'reset' } };
  await cluster.call('createFlavor', { body: { name: 'watched', spec } });
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'watched', image: 'debian/12' } });
  await cluster.converge();
  await answerCalls(
    cluster.controller,
    cluster.agentToken,
    (call) => {
      asked.push(call);
      return says === undefined ? undefined : `${says}\n`;
    },
    over.signal,
  );
});
afterAll(async () => {
  over.abort();
  await cluster.close();
});
beforeEach(() => {
  asked = [];
});

const diff = () => cluster.call<InstanceDiff>('diffInstance', { params: { ref: 'web' } });
const same = JSON.stringify({ answer: { compared: 'running', differences: [] } });

test('the node is asked with what the next start would give, and the answer is handed on', async () => {
  says = same;
  const { id } = await cluster.instance('web');
  expect(await diff()).toMatchObject({ instance: id, name: 'web', compared: 'running', differences: [] });
  const extraSpecs = { 'hw:watchdog_action': 'reset' };
  expect(asked).toMatchObject([{ do: 'guest.diff', next: { instance: id, input: { extraSpecs } } }]);
  expect(asked[0]).not.toHaveProperty('anew');
});

test('a flavor that was changed since is told apart from what the instance keeps', async () => {
  says = same;
  const body = { extraSpecs: { 'hw:watchdog_action': 'pause' } };
  await cluster.call('setFlavor', { params: { ref: 'watched' }, body });
  await cluster.call('setClusterPolicy', { body: { guest: { diskCache: 'unsafe' } } });
  await diff();
  const policies = expect.arrayContaining([
    expect.objectContaining({ level: 'cluster', policy: { diskCache: 'unsafe' } }),
  ]);
  expect(asked).toMatchObject([
    {
      next: { input: { extraSpecs: { 'hw:watchdog_action': 'reset' }, policies } },
      anew: { extraSpecs: { 'hw:watchdog_action': 'pause' }, policies },
    },
  ]);
});

test('a refusal of the node is the answer', async () => {
  says = JSON.stringify({ problem: toProblem(err('hypervisor_unreachable', { node: 'n1', why: 'asleep' })) });
  await expect(diff()).rejects.toMatchObject({ code: 'hypervisor_unreachable' });
});

test.each([
  ['nothing', ''],
  ['no JSON', '<domain/>'],
  ['another answer', '{"answer":{"compared":"running"}}'],
  ['a field too many', same.replace('"running"', '"running","evil":1')],
  ['without end', 'x'.repeat(17 * 2 ** 20)],
])('%s is no answer', async (_, text) => {
  says = text;
  await expect(diff()).rejects.toMatchObject({ code: 'node_unreachable' });
});

test('a node that never answers is given up', async () => {
  says = undefined;
  const refused = expect(diff()).rejects.toMatchObject({ code: 'node_unreachable' });
  await settle();
  await cluster.env.pass(31_000);
  await refused;
});
