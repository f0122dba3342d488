/** A store backed up in the middle of a move, restored: the instance is where its nodes have it, and nothing stays held. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guest, Instance, NodeCall, Replica, StatusReport } from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backUpStore } from '../src/backup.ts';
import { Controller } from '../src/controller.ts';
import { restoreStore } from '../src/restore.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { FakeAgent } from '../src/testing/fake-agent.ts';
import { settle } from '../src/testing/test-env.ts';

let dir: string;
let before: TestCluster;
let far: FakeAgent;
let farToken: string;
let ids: { cluster: string; instance: string; disk: string; n1: string; n2: string };
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-restore-'));
  before = await testCluster(join(dir, 'store.db'));
  await before.call('addNode', { body: { name: 'n2' } });
  const spec = { role: 'agent', node: 'n2' };
  farToken = (await before.call<{ secret: string }>('createToken', { body: { name: 'n2', spec } })).secret;
  far = new FakeAgent(before.controller, before.env, farToken);
  await far.hello();
  await before.call('createInstance', {
    body: { name: 'web', flavor: 'small', image: 'debian/12', node: 'n1' },
  });
  await rounds();
  const one = async (kind: 'cluster' | 'disk') => (await before.store.list(kind)).items[0]?.id ?? '';
  const node = async (name: string) => (await before.store.named('node', name))[0]?.id ?? '';
  const { id: instance } = await before.instance('web');
  ids = {
    instance,
    cluster: await one('cluster'),
    disk: await one('disk'),
    n1: await node('n1'),
    n2: await node('n2'),
  };
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(dir, { recursive: true });
});

async function rounds(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    for (const agent of [before.agent, far]) {
      await settle();
      await agent.round();
    }
    await settle();
  }
}

const stuck = (status: StatusReport): StatusReport =>
  status.kind === 'replica' && status.status.state === 'ready'
    ? { ...status, status: { state: 'creating' } }
    : status;

/** The move is under way, at one point of it. */
async function moving(until: 'copying' | 'handed over'): Promise<void> {
  if (until === 'copying') far.alter = stuck;
  await before.call('moveInstance', { params: { ref: 'web' }, body: { node: 'n2', stop: true } });
  if (until === 'copying') return rounds();
  // the source never says that it is empty
  for (let turn = 0; turn < 3; turn++) {
    await before.agent.round();
    await settle();
    await far.round();
    await settle();
    if ((await bound()) === 'n2') return;
  }
  throw new Error('it was not handed over');
}

const bound = async (): Promise<string> => {
  const { status } = await before.instance('web');
  return status.node === ids.n2 ? 'n2' : 'n1';
};

/** What a node really has: epoch and state of its domain, and whether the disk is whole. */
interface Really {
  domain?: number;
  state?: 'running' | 'stopped';
  disk?: boolean;
}

async function restoredWith(n1: Really, n2: Really) {
  const { path } = await backUpStore(join(dir, 'store.db'));
  const { env, agentToken, adminToken, images } = before;
  await before.close();
  await restoreStore(path, env);
  const store = new SqliteStore(path);
  const controller = new Controller({ store, env, images });
  const stop = new AbortController();
  const done = controller.run(stop.signal);
  ends.push(
    () => store.close(),
    () => done,
    () => stop.abort(),
  );
  const nodes = [
    { token: agentToken, has: n1 },
    { token: farToken, has: n2 },
  ];
  for (const { token, has } of nodes)
    await answerCalls(controller, token, (call) => says(call, has), stop.signal);
  const agents = nodes.map(({ token, has }) => {
    const agent = new FakeAgent(controller, env, token);
    agent.run = 2;
    return { agent, has };
  });
  const round = async () => {
    for (let turn = 0; turn < 6; turn++) {
      for (const { agent, has } of agents) {
        const held = (await agent.assignments()).guests.filter(({ spec }) => spec.held).map(({ id }) => id);
        agent.alter = (status) => really(status, has, held);
        await agent.round();
      }
      await env.pass(6000);
    }
  };
  await round();
  const guests = (await store.list('guest')).items as Guest[];
  const replicas = (await store.list('replica')).items.filter(
    ({ spec }) => spec.what === 'disk',
  ) as Replica[];
  const at = (id: string) => (id === ids.n1 ? 'n1' : 'n2');
  const instance = (await controller.call('getInstance', { token: adminToken, params: { ref: 'web' } }))
    .body as Instance;
  return {
    guests: guests.map(({ spec }) => `${at(spec.node)} ${spec.held ? 'held' : spec.power}`),
    disks: replicas.map(({ spec }) => `${at(spec.node)} ${spec.what === 'disk' ? spec.desired : ''}`),
    at: at(instance.status.node ?? ''),
    orders: replicas.filter(({ spec }) => 'send' in spec || 'receive' in spec).length,
    events: (await store.events({}, 1000))
      .filter(({ type }) => type === 'instance.settled')
      .map(({ message }) => message),
  };
}

function really(status: StatusReport, { state, domain }: Really, held: readonly string[]): StatusReport {
  if (status.kind !== 'guest' || !held.includes(status.id)) return status;
  const found = domain === undefined ? 'absent' : (state ?? 'stopped');
  return { ...status, status: { ...status.status, state: found } } as StatusReport;
}

function says(call: NodeCall, { domain, state, disk }: Really): string | undefined {
  if (call.do !== 'node.look') return undefined;
  const mark = { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: domain } };
  const domains =
    domain === undefined ? [] : [{ uuid: ids.instance, name: 'web', alive: state === 'running', ours: mark }];
  const disks = disk ? [{ disk: ids.disk, state: 'ready', path: '/x' }] : [];
  const at = new Date(before.env.clock.now()).toISOString();
  const nothing = { bases: [], networks: [], filters: [], certificates: [] };
  return `${JSON.stringify({ answer: { at, agentVersion: '0', libvirt: true, domains, disks, ...nothing } })}\n`;
}

test('the move went on after the backup: the instance is at its target, and the source is cleared', async () => {
  await moving('copying');
  const after = await restoredWith({ disk: true }, { domain: 2, state: 'running', disk: true });
  expect(after).toMatchObject({ guests: ['n2 running'], disks: ['n2 present'], at: 'n2', orders: 0 });
  expect(after.events).toEqual([
    expect.stringMatching(/^web was found running after the restore; what its move left .* is removed$/),
  ]);
});

test('the move did not go on: the instance is at its source, down, and the target is cleared', async () => {
  await moving('copying');
  const after = await restoredWith({ domain: 1, disk: true }, {});
  expect(after).toMatchObject({ guests: ['n1 stopped'], disks: ['n1 present'], at: 'n1', orders: 0 });
});

test('handed over, and the source still has its old disks: they go, not those of the target', async () => {
  await moving('handed over');
  const after = await restoredWith({ domain: 1, disk: true }, { domain: 2, disk: true });
  expect(after).toMatchObject({ guests: ['n2 stopped'], disks: ['n2 present'], at: 'n2' });
});

test('where both nodes run it nothing is touched', async () => {
  await moving('copying');
  const runs = { state: 'running', disk: true } as const;
  const after = await restoredWith({ ...runs, domain: 1 }, { ...runs, domain: 2 });
  expect(after.guests.toSorted()).toEqual(['n1 held', 'n2 held']);
  expect(after.disks.toSorted()).toEqual(['n1 present', 'n2 present']);
});
