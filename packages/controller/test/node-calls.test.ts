/** What is asked of a node at once: counters and work inside guests. No answer of a node does harm. */
import {
  type Event,
  err,
  type InstanceStats,
  type NodeCall,
  type NodeProbed,
  toProblem,
} from '@gantry/model';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { settle } from '../src/testing/test-env.ts';

let cluster: TestCluster;
let asked: NodeCall[] = [];
/** What the node says to a call; undefined: nothing, ever. */
let says: (call: NodeCall) => string | undefined;
const over = new AbortController();

const stats = (instance: string) => ({
  instance,
  at: '2026-01-01T00:00:00.000Z',
  cpu: { timeMs: 1, vcpus: 1 },
  memory: { currentBytes: 1, maximumBytes: 1 },
  disks: [],
  nics: [],
});
const answer = (value: unknown) => `${JSON.stringify({ answer: value })}\n`;
const honest = (call: NodeCall) =>
  answer(
    call.do === 'stats'
      ? { guests: call.instances.map(stats) }
      : call.do === 'agent.ping'
        ? { tookMs: 3 }
        : {},
  );

beforeAll(async () => {
  cluster = await testCluster();
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'small', image: 'debian/12' } });
  await cluster.converge();
  await answerCalls(
    cluster.controller,
    cluster.agentToken,
    (call) => {
      asked.push(call);
      return says(call);
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
  says = honest;
});

const ref = { params: { ref: 'web' } };
const statsOf = () => cluster.call<InstanceStats>('getInstanceStats', ref);
const all = () => cluster.call<{ items: InstanceStats[]; silent: string[] }>('listInstanceStats', {});

describe('counters', () => {
  test('of one, and of all, with their names', async () => {
    const { id } = await cluster.instance('web');
    expect(await statsOf()).toMatchObject({ instance: id, name: 'web', node: expect.any(String) });
    expect(await all()).toMatchObject({ items: [{ instance: id, name: 'web' }], silent: [] });
    expect(asked).toEqual([
      { do: 'stats', instances: [id] },
      { do: 'stats', instances: [id] },
    ]);
  });

  test('a node that speaks of others is not heard', async () => {
    says = () => answer({ guests: [stats('11111111-2222-4333-8444-555555555555')] });
    expect((await all()).items).toEqual([]);
    await expect(statsOf()).rejects.toMatchObject({ code: 'not_found' });
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '<domain/>\n'],
    ['another answer', answer({ guests: 7 })],
    ['without end', 'x'.repeat(9 * 2 ** 20)],
  ])('%s is no answer: the node is named', async (_, text) => {
    says = () => text;
    await expect(statsOf()).rejects.toMatchObject({ code: 'node_unreachable' });
    const { items, silent } = await all();
    expect([items.length, silent.length]).toEqual([0, 1]);
  });

  test('a node that never answers is given up', async () => {
    says = () => undefined;
    const refused = expect(statsOf()).rejects.toMatchObject({ code: 'node_unreachable' });
    await settle();
    await cluster.env.pass(31_000);
    await refused;
  });
});

describe('inside', () => {
  const password = { user: 'root', password: 'correct horse' };

  test('ping, password, keys', async () => {
    expect(await cluster.call('pingInstanceAgent', ref)).toEqual({ tookMs: 3 });
    await cluster.call('setInstancePassword', { ...ref, body: password });
    const keys = { user: 'admin', keys: ['ssh-ed25519 AAAA x'] };
    await cluster.call('addInstanceKeys', { ...ref, body: keys });
    const instance = (await cluster.instance('web')).id;
    expect(asked).toEqual([
      { do: 'agent.ping', instance },
      { do: 'agent.set-password', instance, ...password },
      { do: 'agent.add-ssh-keys', instance, ...keys },
    ]);
  });

  test('it is remembered that it was done, and not what', async () => {
    await cluster.call('setInstancePassword', { ...ref, body: password });
    const events = JSON.stringify(await cluster.call('listEvents', {}));
    expect(events).toContain('set the password of root in instance web');
    expect(events).not.toContain('correct horse');
  });

  test('it is remembered before it is done, and nobody waits for a guest that does not answer', async () => {
    says = () => undefined;
    const never = cluster.call('setInstancePassword', { ...ref, body: { ...password, user: 'slow' } });
    const refused = expect(never).rejects.toMatchObject({ code: 'node_unreachable' });
    await expect.poll(() => asked.length).toBe(1);
    expect(JSON.stringify(await cluster.call('listAudit', {}))).toContain('set the password of slow');
    await cluster.call('setInstance', { ...ref, body: { labels: { tier: 'web' } } });
    await cluster.env.pass(31_000);
    await refused;
    await cluster.converge(); // the node is heard again
    const [last] = (await cluster.call<{ items: Event[] }>('listAudit', {})).items;
    expect(last?.audit).toMatchObject({ route: 'setInstancePassword', result: 'node_unreachable' });
  });

  test('a refusal of the guest agent is the answer, and remembered', async () => {
    const refusal = err('guest_agent', { name: 'web', what: 'refused: no such user' });
    says = () => `${JSON.stringify({ problem: toProblem(refusal) })}\n`;
    const body = { user: 'nobody9', password: 'x' };
    await expect(cluster.call('setInstancePassword', { ...ref, body })).rejects.toMatchObject({
      code: 'guest_agent',
    });
    const messages = (await cluster.call<{ items: Event[] }>('listEvents', {})).items.map(
      ({ message }) => message,
    );
    expect(messages.slice(0, 2)).toEqual([
      expect.stringMatching(/^refused: .*no such user/),
      'ask to set the password of nobody9 in instance web',
    ]);
  });

  test.each([
    { user: 'no such', password: 'x' },
    { user: '-rf', password: 'x' },
    { user: 'root', password: '' },
    { user: 'root', password: 'a\nb' },
    { user: 'root', password: 'a:b' },
    { user: 'root', password: 'x'.repeat(256) },
  ])('refused: %j', async (body) => {
    await expect(cluster.call('setInstancePassword', { ...ref, body })).rejects.toMatchObject({
      code: 'invalid_body',
    });
    expect(asked).toEqual([]);
  });
});

test('an agent that knows no such call says so', async () => {
  says = () => `${JSON.stringify({ problem: toProblem(err('agent_outdated', { fields: 'this call' })) })}\n`;
  await expect(statsOf()).rejects.toMatchObject({ code: 'agent_outdated' });
});

describe('a screenshot', () => {
  const take = async () => {
    const { bytes, headers } = await cluster.controller.call('instanceScreenshot', {
      token: cluster.adminToken,
      ...ref,
    });
    const chunks = [];
    for await (const chunk of bytes ?? []) chunks.push(chunk);
    return { png: Buffer.concat(chunks), headers };
  };

  test('comes as it was sent', async () => {
    const png = Buffer.from([0x89, 0, 0xff, 10]);
    says = () => answer({ png: png.toString('base64') });
    expect(await take()).toEqual({ png, headers: { 'content-type': 'image/png' } });
    expect(asked).toMatchObject([{ do: 'guest.screenshot' }]);
  });

  test('a node that has none says why; one that answers something else is not believed', async () => {
    says = () =>
      `${JSON.stringify({ problem: toProblem(err('no_screenshot', { name: 'web', why: 'x' })) })}\n`;
    await expect(take()).rejects.toMatchObject({ code: 'no_screenshot' });
    says = () => answer({ png: 7 });
    await expect(take()).rejects.toMatchObject({ code: 'node_unreachable' });
  });

  test('is not for viewers', async () => {
    const { secret } = await cluster.call<{ secret: string }>('createToken', {
      body: { name: 'v', spec: { role: 'viewer' } },
    });
    await expect(
      cluster.controller.call('instanceScreenshot', { token: secret, ...ref }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a node that is to find out its facts anew', () => {
  const probe = () => cluster.call<NodeProbed>('probeNode', { params: { ref: 'n1' } });

  test('is asked, its answer comes back, and it stands in the audit log', async () => {
    const [node] = (await cluster.store.list('node')).items;
    const facts = node?.status.facts;
    says = () => answer({ facts, goesOn: 'a kernel is being fetched' });
    expect(await probe()).toEqual({ facts, goesOn: 'a kernel is being fetched' });
    expect(asked).toEqual([{ do: 'node.probe' }]);
    const { items } = await cluster.call<{ items: Event[] }>('listEvents', {
      query: { subject: node?.id ?? '' },
    });
    expect(items.map(({ message }) => message)).toContain('let node n1 find out its facts anew');
  });

  test('has nearly three minutes, and nothing else has', async () => {
    says = () => undefined;
    const refused = expect(probe()).rejects.toMatchObject({
      code: 'node_unreachable',
      message: expect.stringContaining('170 s'),
    });
    await settle();
    await cluster.env.pass(171_000);
    await refused;
  });

  test('keeps nobody waiting meanwhile', async () => {
    says = () => undefined;
    const refused = expect(probe()).rejects.toMatchObject({ code: 'node_unreachable' });
    await expect.poll(() => asked.length).toBe(1);
    await cluster.call('setInstance', { ...ref, body: { labels: { tier: 'probed' } } });
    await cluster.env.pass(171_000);
    await refused;
  });

  test.each([['{"answer":{}}\n'], ['nonsense\n']])('lies: %j', async (line) => {
    says = () => line;
    await expect(probe()).rejects.toMatchObject({ code: 'node_unreachable' });
  });
});

test('nobody waits for a node that is told to leave and is silent', async () => {
  await cluster.call('addNode', { body: { name: 'n9' } });
  await cluster.call('setNode', { params: { ref: 'n9' }, body: { role: 'drained' } });
  const { secret } = await cluster.call<{ secret: string }>('createToken', {
    body: { name: 'n9', spec: { role: 'agent', node: 'n9' } },
  });
  let told = 0;
  const silent = () => {
    told += 1;
    return undefined;
  };
  await answerCalls(cluster.controller, secret, silent, over.signal);
  const remove = cluster.call('removeNode', { params: { ref: 'n9' }, query: { leave: 'none' } });
  const refused = expect(remove).rejects.toMatchObject({ code: 'node_not_told' });
  await expect.poll(() => told).toBe(1);
  await cluster.call('setInstance', { ...ref, body: { labels: { tier: 'left' } } });
  await cluster.env.pass(31_000);
  await refused;
});
