/** A store of yesterday, restored: nothing of it is started, stopped or made by itself, and every guest comes to be known again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Assignments,
  Guest,
  GuestStatus,
  Instance,
  Node,
  NodeCall,
  Operation,
  RouteName,
} from '@gantry/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backUpStore } from '../src/backup.ts';
import { Controller } from '../src/controller.ts';
import { restoreStore } from '../src/restore.ts';
import { Draft, withSpec } from '../src/store/batch.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { answerCalls } from '../src/testing/answer-calls.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import { FakeAgent } from '../src/testing/fake-agent.ts';

let dir: string;
let before: TestCluster;
let clusterId: string;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-restore-'));
  before = await testCluster(join(dir, 'store.db'));
  clusterId = (await before.store.list('cluster')).items[0]?.id ?? '';
  for (const name of ['runs', 'down', 'deleted', 'moved']) await create(name);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(dir, { recursive: true });
});

const create = async (name: string) => {
  await before.call('createInstance', { body: { name, flavor: 'small', image: 'debian/12' } });
  await before.converge();
};

interface After {
  store: SqliteStore;
  call<T>(route: RouteName, request: object): Promise<T>;
  /** Of n1. */
  assignments(): Promise<Assignments>;
  state(name: string): Promise<string>;
  /** Agents and controller in turn, while half a minute passes. */
  round(): Promise<void>;
}

/** What the nodes find on themselves. */
interface Found {
  /** States by the names of guests. */
  guests?: Record<string, GuestStatus['state']>;
  /** Instances with a domain on n1. */
  domains?: string[];
  /** Token of a second node's agent, which has nothing. */
  far?: string;
}

async function restored({ guests = {}, domains = [], far }: Found): Promise<After> {
  const { path } = await backUpStore(join(dir, 'store.db'));
  const { env, adminToken, agentToken, images } = before;
  await before.close();
  const told = await restoreStore(path, env);
  expect(told).toMatchObject({ instances: 4, cluster: { name: 'test' } });
  const store = new SqliteStore(path);
  const controller = new Controller({ store, env, images });
  const stop = new AbortController();
  const done = controller.run(stop.signal);
  ends.push(
    () => store.close(),
    () => done,
    () => stop.abort(),
  );
  const nodes = [{ token: agentToken, domains }, ...(far ? [{ token: far, domains: [] }] : [])];
  for (const node of nodes) {
    const says = (call: NodeCall) => (call.do === 'node.look' ? look(env, node.domains) : undefined);
    await answerCalls(controller, node.token, says, stop.signal);
  }
  const agents = nodes.map((node) => {
    const agent = new FakeAgent(controller, env, node.token);
    agent.run = 2;
    return agent;
  });
  const call = async <T>(route: RouteName, request: object) =>
    (await controller.call(route, { token: adminToken, ...request })).body as T;
  return {
    store,
    call,
    assignments: () => (agents[0] as FakeAgent).assignments(),
    state: async (name) => (await call<Instance>('getInstance', { params: { ref: name } })).status.state,
    async round() {
      for (let turn = 0; turn < 4; turn++) {
        for (const agent of agents) {
          const bound = (await agent.assignments()).guests;
          agent.alter = (status) => {
            const guest = status.kind === 'guest' ? bound.find(({ id }) => id === status.id) : undefined;
            const state = guest?.spec.held ? (guests[guest.name] ?? 'absent') : undefined;
            return guest && state
              ? ({ ...status, status: { state, epoch: guest.spec.epoch } } as never)
              : status;
          };
          await agent.round();
        }
        await env.pass(6000);
      }
    },
  };
}

const look = (env: TestCluster['env'], instances: readonly string[]): string => {
  const ours = { cluster: clusterId, epoch: { incarnation: 1, number: 1 } };
  const domains = instances.map((instance) => ({
    uuid: instance,
    name: 'x',
    alive: true,
    ours: { ...ours, instance },
  }));
  const at = new Date(env.clock.now()).toISOString();
  const nothing = { disks: [], bases: [], networks: [], filters: [], certificates: [] };
  return `${JSON.stringify({ answer: { at, agentVersion: '0', libvirt: true, domains, ...nothing } })}\n`;
};

test('until its node has told of it nothing is known, nothing removed, and nothing of it to be made', async () => {
  const after = await restored({});
  expect(after.store.incarnation).toBeGreaterThan(before.store.incarnation + 1);
  expect(await after.state('runs')).toBe('unknown');
  const { guests, replicas } = await after.assignments();
  for (const { spec } of guests) expect(spec).toMatchObject({ held: true, remove: false });
  for (const { spec } of replicas)
    if (spec.what === 'disk') expect(spec).toMatchObject({ made: true, desired: 'present' });
});

test('each guest is then wanted as it was found', async () => {
  const after = await restored({ guests: { runs: 'running', down: 'stopped', moved: 'paused' } });
  await after.round();
  const { guests } = await after.assignments();
  const wanted = Object.fromEntries(guests.map(({ name, spec }) => [name, [spec.power, spec.held]]));
  expect(wanted).toEqual({
    runs: ['running', undefined],
    down: ['stopped', undefined],
    deleted: ['stopped', undefined],
    moved: ['running', undefined],
  });
  expect(await after.state('down')).toBe('stopped');
});

test('one that is down is let go only when every node has told that it is not there', async () => {
  const other = await before.call<{ node: Node }>('addNode', { body: { name: 'n2' } });
  const after = await restored({ guests: { runs: 'running', down: 'stopped' } });
  const held = async () =>
    (await after.assignments()).guests.filter(({ spec }) => spec.held).map(({ name }) => name);
  await after.round();
  expect((await held()).sort()).toEqual(['deleted', 'down', 'moved']);
  await after.call('setNode', { params: { ref: other.node.id }, body: { role: 'offline' } });
  await after.round();
  expect(await held()).toEqual([]);
});

test('one that runs on another node stays held', async () => {
  const { id } = await before.instance('moved');
  await before.call('addNode', { body: { name: 'n2' } });
  const spec = { role: 'agent', node: 'n2' };
  const { secret } = await before.call<{ secret: string }>('createToken', { body: { name: 'n2', spec } });
  const [guest] = (await before.store.list('guest', { owner: id })).items;
  const node = (await before.store.named('node', 'n2'))[0]?.id;
  if (!guest || !node) throw new Error('gone');
  // the store says n2, where nothing is; n1 has it
  const elsewhere = withSpec(guest, { node: node as typeof guest.spec.node });
  await before.store.commit(new Draft(before.env.clock.now()).put(elsewhere).batch);
  const after = await restored({ guests: { runs: 'running', down: 'stopped' }, domains: [id], far: secret });
  await after.round();
  const guests = (await after.store.list('guest')).items;
  expect(guests.filter(({ spec }) => spec.held).map(({ name }) => name)).toEqual(['moved']);
  expect(await after.state('moved')).toBe('unknown');
});

test('what was under way counts as failed, and its acts are not done again', async () => {
  await before.call('rebootInstance', { params: { ref: 'runs' }, body: {} });
  const after = await restored({});
  const operations = (await after.store.list('operation')).items.filter(
    ({ spec }: Operation) => spec.kind === 'instance.reboot',
  );
  expect(operations.map(({ status }) => [status.state, status.error?.code])).toEqual([
    ['failed', 'restored'],
  ]);
  expect((await after.assignments()).acts).toEqual([]);
});

test('what its binding was to do once is not done again', async () => {
  const operation = before.env.uuid() as NonNullable<Guest['spec']['operation']>;
  const [runs, down] = await Promise.all(['runs', 'down'].map((name) => guestOf(name)));
  if (!runs || !down) throw new Error('gone');
  const order = withSpec(runs, {
    bootOnce: { operation, order: ['cd'] },
    plug: { operation, do: 'detach', cd: 0 },
    force: true,
  });
  const suspend = withSpec(down, { power: 'stopped', memory: 'save' });
  await before.store.commit(new Draft(before.env.clock.now()).put(order).put(suspend).batch);
  const after = await restored({ guests: { runs: 'running', down: 'running', moved: 'running' } });
  await after.round();
  const { guests } = await after.assignments();
  const specOf = (name: string) => guests.find((guest) => guest.name === name)?.spec;
  const { bootOnce, plug, force } = specOf('runs') ?? {};
  expect({ bootOnce, plug, force }).toEqual({});
  // it runs: a later stop is to stop it, and memory that was saved is not to be lost
  expect(specOf('down')).toMatchObject({ power: 'running', memory: 'restore' });
});

const guestOf = async (name: string) =>
  (await before.store.list('guest', { owner: (await before.instance(name)).id })).items[0];
