/** Machines that become nodes, and those that may not. */
import { createHash } from 'node:crypto';
import type { Node, NodeAdded, NodeCertificates, RouteName, Token } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { fingerprintOf, signingRequest } from '../src/testing/fake-authority.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster();
});
afterEach(() => cluster.close());

const MACHINE = 'a'.repeat(32);
const requests = (key: string) => ({
  agent: signingRequest(`${key}-agent`),
  host: signingRequest(`${key}-host`),
});
const add = (name: string, more: object = {}) =>
  cluster.call<NodeAdded>('addNode', { body: { name, ...more } });
const peer = { address: '10.0.0.2' };

async function join(token: string, over: { name?: string; machine?: string; key?: string } = {}) {
  const { name = 'n2', machine = MACHINE, key = 'k' } = over;
  const body = { name, machine, requests: requests(key) };
  return (await cluster.controller.call('joinNode', { token, peer, body })).body as NodeCertificates;
}

const by =
  (certificate: string) =>
  (route: RouteName, request: object = {}) =>
    cluster.controller.call(route, {
      peer: { ...peer, certificate: fingerprintOf(certificate) },
      ...request,
    });

const contentOf = (pem: string) => JSON.parse(Buffer.from(pem.split('\n')[1] ?? '', 'base64').toString());
const node = (ref: string) => cluster.call<Node>('getNode', { params: { ref } });

describe('adding', () => {
  test('the answer has all that the line needs', async () => {
    const added = await add('n2');
    const { authority } = cluster.controller.app.remote ?? {};
    expect(added).toMatchObject({
      node: { name: 'n2', status: { state: 'joining' }, spec: { role: 'active' } },
      url: 'https://controller.test:7460',
      caSha256: createHash('sha256')
        .update(authority?.certificate ?? '')
        .digest('hex'),
    });
    expect(added.secret).toMatch(/^gantry_[\w-]{43}$/);
  });

  test('asked for again while nobody has come it gives a new token, and the first is void', async () => {
    const first = await add('n2');
    const second = await add('n2');
    expect(second.node.id).toBe(first.node.id);
    await expect(join(first.secret)).rejects.toMatchObject({ code: 'unauthenticated' });
    await join(second.secret);
  });

  test('not for a node that is there', async () => {
    await expect(add('n1')).rejects.toMatchObject({ code: 'name_taken' });
    await join((await add('n2')).secret);
    await expect(add('n2')).rejects.toMatchObject({ code: 'name_taken' });
  });

  test('is refused while no other machine reaches the controller', async () => {
    delete cluster.controller.app.remote;
    await expect(add('n2')).rejects.toMatchObject({ code: 'not_joinable' });
    expect((await cluster.store.list('node')).items).toHaveLength(1);
  });
});

describe('joining', () => {
  test('gives certificates that say what the controller decides, for the keys of the machine', async () => {
    const added = await add('n2');
    const { agent, host, node: id } = await join(added.secret);
    expect(id).toBe(added.node.id);
    expect(contentOf(agent)).toMatchObject({ publicKey: 'k-agent', use: 'agent', name: id });
    expect(contentOf(host)).toMatchObject({
      publicKey: 'k-host',
      name: 'n2',
      dnsNames: ['n2'],
      addresses: ['10.0.0.2'],
    });
    expect((await by(agent)('getAssignments')).body).toMatchObject({ node: id, singleNode: false });
    expect((await node('n2')).spec.machine).toBe(MACHINE);
  });

  test('after a lost answer the same keys get certificates again, and those before are void', async () => {
    const { secret } = await add('n2');
    const lost = await join(secret);
    const { agent } = await join(secret);
    await by(agent)('getAssignments');
    await expect(by(lost.agent)('getAssignments')).rejects.toMatchObject({ code: 'certificate_needed' });
  });

  test.each([
    ['forged', async () => `gantry_${'A'.repeat(43)}`, {}, 'unauthenticated'],
    ['expired', async () => expired(), {}, 'token_expired'],
    ['for another node', async () => (await add('n3')).secret, {}, 'join_refused'],
    ['used by another key', async () => used(), { key: 'other' }, 'join_refused'],
    ['used by another machine', async () => used(), { machine: 'b'.repeat(32) }, 'join_refused'],
    ['shown by a machine that is a node already', async () => twin(), {}, 'join_refused'],
  ])('a token that is %s is refused, and nothing is half done', async (_, token, over, code) => {
    const secret = await token();
    const before = await everything();
    await expect(join(secret, over)).rejects.toMatchObject({ code });
    expect(await everything()).toEqual(before);
  });

  const everything = async () => [
    (await cluster.store.list('node')).items,
    (await cluster.store.list('token')).items,
  ];
  async function expired(): Promise<string> {
    const { secret } = await add('n2', { ttlMs: 60_000 });
    await cluster.env.pass(60_000);
    return secret;
  }
  async function used(): Promise<string> {
    const { secret } = await add('n2');
    await join(secret);
    return secret;
  }
  async function twin(): Promise<string> {
    await join((await add('n4')).secret, { name: 'n4', key: 'k4' });
    return (await add('n2')).secret;
  }

  test('a machine whose first node is the controller’s own is known by its facts', async () => {
    const status = cluster.agent.nodeStatus();
    const facts = { ...(status.facts as NonNullable<typeof status.facts>), machine: MACHINE };
    await cluster.agent.report({ node: { ...status, facts } });
    const { secret } = await add('n2');
    await expect(join(secret)).rejects.toMatchObject({ code: 'join_refused' });
  });

  test('a join token is good for nothing else', async () => {
    const { secret } = await add('n2');
    for (const route of ['listNodes', 'whoami', 'getAssignments', 'report', 'createInstance'] as const)
      await expect(cluster.controller.call(route, { token: secret })).rejects.toMatchObject({
        code: 'forbidden',
      });
  });
});

describe('certificates', () => {
  let agent: string;
  beforeEach(async () => {
    agent = (await join((await add('n2')).secret)).agent;
  });

  test('a token of role agent counts on the controller’s machine only', async () => {
    const request = { token: cluster.agentToken };
    expect((await cluster.controller.call('getAssignments', request)).body).toMatchObject({});
    await expect(cluster.controller.call('getAssignments', { ...request, peer })).rejects.toMatchObject({
      code: 'certificate_needed',
    });
  });

  test('one that no node has is refused', async () => {
    await expect(by('forged')('getAssignments')).rejects.toMatchObject({ code: 'certificate_needed' });
  });

  test('the hash of a certificate is no secret', async () => {
    const { items } = await cluster.store.list('token');
    const token = items.find(({ spec }) => spec.certificate) as Token;
    await expect(by(agent)('whoami', { token: token.id })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('renewal gives others for new keys; the old one goes on for a while', async () => {
    const renewed = (await by(agent)('renewCertificates', { body: { requests: requests('new') } }))
      .body as NodeCertificates;
    expect(contentOf(renewed.agent).publicKey).toBe('new-agent');
    await by(renewed.agent)('getAssignments');
    await by(agent)('getAssignments');
    const again = (await by(renewed.agent)('renewCertificates', { body: { requests: requests('newer') } }))
      .body as NodeCertificates;
    await by(again.agent)('getAssignments');
    await expect(by(agent)('getAssignments')).rejects.toMatchObject({ code: 'certificate_needed' });
  });

  test('they end', async () => {
    await cluster.env.pass(91 * 24 * 3_600_000);
    await expect(by(agent)('getAssignments')).rejects.toMatchObject({ code: 'certificate_needed' });
  });

  test('a removed node is nobody, at once', async () => {
    const { events } = await by(agent)('watchAssignments');
    const reading = (async () => {
      for await (const _ of events ?? []);
      return 'ended';
    })();
    await cluster.call('setNode', { params: { ref: 'n2' }, body: { role: 'drained' } });
    await cluster.call('removeNode', { params: { ref: 'n2' } });
    await expect(reading).resolves.toBe('ended');
    await expect(by(agent)('getAssignments')).rejects.toMatchObject({ code: 'certificate_needed' });
    await expect(node('n2')).rejects.toMatchObject({ code: 'not_found' });
    expect(
      (await cluster.store.list('token')).items.filter(({ spec }) => spec.role !== 'admin'),
    ).toHaveLength(1);
    await join((await add('n2')).secret, { key: 'anew' });
  });
});

describe('two machines with one identity', () => {
  let agent: string;
  beforeEach(async () => {
    agent = (await join((await add('n2')).secret)).agent;
  });
  const report = (over: object) =>
    by(agent)('report', {
      body: { bootId: 'b1', machine: MACHINE, run: 1, sequence: 1, statuses: [], ...over },
    });
  const ask = (query: object) => by(agent)('getAssignments', { query });
  const watch = (query: object) => by(agent)('watchAssignments', { query });
  const told = async () => (await cluster.store.events({ type: 'node.two-machines' }, 10)).length;

  test('a copied state folder on another machine neither hears nor is heard', async () => {
    await report({});
    const other = { machine: 'c'.repeat(32) };
    await expect(report({ ...other, bootId: 'b2' })).rejects.toMatchObject({ code: 'identity_taken' });
    await expect(ask(other)).rejects.toMatchObject({ code: 'identity_taken' });
    await expect(watch(other)).rejects.toMatchObject({ code: 'identity_taken' });
    expect(await told()).toBe(1);
    await report({ sequence: 2 });
    await watch({ machine: MACHINE, boot: 'b1' });
    await ask({ machine: MACHINE, boot: 'b1' });
    await cluster.env.pass(60_000);
    await expect(ask(other)).rejects.toMatchObject({ code: 'identity_taken' });
    expect(await told()).toBe(2);
  });

  test('of a cloned disk one is heard, and the other is told', async () => {
    await report({});
    await report({ bootId: 'b2' });
    await expect(report({ sequence: 5 })).rejects.toMatchObject({ code: 'identity_taken' });
    await expect(ask({ boot: 'b1' })).rejects.toMatchObject({ code: 'identity_taken' });
    await expect(watch({ boot: 'b1' })).rejects.toMatchObject({ code: 'identity_taken' });
    await report({ bootId: 'b2', sequence: 2 });
    expect(await told()).toBe(1);
  });
});

test('join tokens and certificates that ended are forgotten; a user’s own a month later', async () => {
  await join((await add('n2')).secret);
  await add('n3');
  const expiresAt = new Date(cluster.env.clock.now() + 1000).toISOString();
  await cluster.call('createToken', { body: { name: 'mine', spec: { role: 'viewer', expiresAt } } });
  const names = async () =>
    (await cluster.store.list('token')).items.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ''));
  expect(await names()).toEqual(['admin', 'agent-n1', 'agent-n2', 'join-n2', 'join-n3', 'mine']);
  await cluster.env.pass(2 * 3_600_000);
  await cluster.env.pass(3_600_000);
  expect(await names()).toEqual(['admin', 'agent-n1', 'agent-n2', 'mine']);
  await cluster.env.pass(29 * 24 * 3_600_000);
  expect(await names()).toEqual(['admin', 'agent-n1', 'agent-n2', 'mine']);
  await cluster.env.pass(24 * 3_600_000);
  expect(await names()).toEqual(['admin', 'agent-n1', 'agent-n2']);
  await cluster.env.pass(90 * 24 * 3_600_000);
  expect(await names()).toEqual(['admin', 'agent-n1']);
});

describe('removing', () => {
  test('not while it takes guests, nor with guests or disks on it', async () => {
    await join((await add('n2')).secret);
    await expect(cluster.call('removeNode', { params: { ref: 'n2' } })).rejects.toMatchObject({
      code: 'wrong_state',
    });
    await cluster.call('createInstance', {
      body: { name: 'hello', flavor: 'tiny', image: 'debian/12', node: 'n1' },
    });
    await cluster.call('setNode', { params: { ref: 'n1' }, body: { role: 'drained' } });
    await expect(cluster.call('removeNode', { params: { ref: 'n1' } })).rejects.toMatchObject({
      code: 'in_use',
    });
  });

  test('not the controller’s own: its cluster could not be ended any more, nor the machine join again', async () => {
    for (const role of ['active', 'drained', 'offline']) {
      await cluster.call('setNode', { params: { ref: 'n1' }, body: { role } });
      await expect(cluster.call('removeNode', { params: { ref: 'n1' } })).rejects.toMatchObject({
        code: 'wrong_state',
        message: 'node n1 is the controller’s own: cannot remove it',
      });
    }
  });

  test('one that nobody joined as goes with its token', async () => {
    const { secret } = await add('n2');
    await cluster.call('removeNode', { params: { ref: 'n2' } });
    await expect(join(secret)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('a node sees and writes what concerns it, and nothing else', () => {
  test('assignments, reports, images and tunnels of others are out of reach', async () => {
    const { agent, node: id } = await join((await add('n2')).secret);
    await cluster.call('createInstance', {
      body: { name: 'hello', flavor: 'tiny', image: 'debian/12', node: 'n1' },
    });
    await cluster.converge();
    const mine = (await by(agent)('getAssignments')).body as { guests: unknown[]; node: string };
    expect(mine).toMatchObject({ node: id, guests: [], replicas: [], attachments: [], acts: [] });
    const [guest] = (await cluster.store.list('guest')).items;
    const before = await cluster.instance('hello');
    const report = {
      bootId: 'b2',
      run: 1,
      sequence: 1,
      statuses: [
        {
          kind: 'guest',
          id: guest?.id,
          generation: guest?.generation,
          status: { state: 'crashed', epoch: guest?.spec.epoch },
        },
      ],
      log: [
        {
          operation: before.status.operation ?? (await lastOperation()),
          lines: [{ at: before.createdAt, level: 'info', text: 'lie' }],
        },
      ],
      events: [{ type: 'guest.crashed', level: 'error', instance: before.id, message: 'lie' }],
    };
    await by(agent)('report', { body: report });
    expect(await cluster.instance('hello')).toEqual(before);
    expect(await cluster.store.log(report.log[0]?.operation ?? '')).not.toContainEqual(
      expect.objectContaining({ text: 'lie' }),
    );
    const [event] = await cluster.store.events({ type: 'guest.crashed' }, 1);
    expect(event).toMatchObject({ subject: { kind: 'node', id }, actor: 'n2' });
    await expect(by(agent)('getNode', { params: { ref: 'n1' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    for (const route of [
      'listInstances',
      'listNodes',
      'listTokens',
      'getCluster',
      'addNode',
      'listEvents',
      'watch',
    ] as const)
      await expect(by(agent)(route)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(by(agent)('getImageContent', { params: { ref: 'debian/12' } })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(by(agent)('tunnel', { params: { id: cluster.env.uuid() } })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  const lastOperation = async () => (await cluster.store.list('operation')).items[0]?.id ?? '';
});
