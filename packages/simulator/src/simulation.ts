/**
 * A whole cluster of one in one process: the real controller on a real (in-memory) SQLite store, the real agent on a
 * fake node, virtual time, seeded faults. What dies comes back after a while.
 */
import { type JournalState, startAgent } from '@gantry/agent';
import { Controller, initCluster, type Request, SqliteStore } from '@gantry/controller';
import { fakeAuthority } from '@gantry/controller/testing';
import { err, isGantryError, type RouteName, type TunnelRequest } from '@gantry/model';
import { answerCall } from './fake-adoption.ts';
import { type FakeHost, fakeHost } from './fake-host.ts';
import type { Lane } from './fake-lane.ts';
import { beTold, leaveNode } from './fake-leaving.ts';
import { type FakeNode, fakeNode, fakeWorld, readJournal, type World } from './fake-node.ts';
import { type Faults, type Life, life, type Moment, noFaults } from './faults.ts';
import { killableStore } from './killable-store.ts';
import { seeded } from './random.ts';
import { type Scheduler, scheduler } from './scheduler.ts';
import { type Listening, simLink } from './sim-link.ts';
import { wire } from './wire.ts';

export interface SimulationOptions {
  seed: number;
  faults?: Faults;
  /** Probability that a message is lost. */
  loss?: number;
  /** How many nodes; 1. */
  nodes?: number;
}

export interface Simulation {
  time: Scheduler;
  /** The first. */
  node: FakeNode;
  nodes: readonly FakeNode[];
  /** Names of nodes whose agents do not reach the controller, and go on. */
  cutOff: Set<string>;
  world: World;
  store: SqliteStore;
  /** Gates passed so far. */
  gates(): number;
  deaths(): string[];
  host(): FakeHost | undefined;
  /** The user: repeats until answered, with one idempotency key. */
  user<T>(route: RouteName, request?: Omit<Request, 'route' | 'token'>): Promise<T>;
  /** Runs until the condition holds; false after the limit of virtual time. */
  until(condition: () => Promise<boolean> | boolean, limitMs: number): Promise<boolean>;
  /** @param node name of the agent's node; the first */
  kill(process: 'controller' | 'agent', node?: string): void;
  /** A machine that left, or never was a node, becomes one under its name. */
  join(node: FakeNode): Promise<void>;
  end(): Promise<void>;
}

export async function simulation(options: SimulationOptions): Promise<Simulation> {
  const random = seeded(options.seed);
  const time = scheduler(random);
  const net = wire(time, random, { loss: options.loss ?? 0, timeoutMs: 5000 });
  const store = new SqliteStore(':memory:');
  const deaths: string[] = [];
  let gates = 0;
  let ended = false;
  const pass = (process: string, effect: string): Moment | undefined => {
    const gate = { process, effect, number: ++gates };
    const moment = (options.faults ?? noFaults)(gate);
    if (moment) deaths.push(`${process} ${moment} ${effect} (gate ${gate.number})`);
    return moment;
  };
  const env = (mine: Life | undefined) => ({
    clock: {
      now: () => time.now(),
      bootMs: () => time.now(),
      sleep: (ms: number, signal?: AbortSignal) => time.sleep(ms, joined(mine, signal)),
    },
    random: () => random.next(),
    randomBytes: (length: number) => random.bytes(length),
    addressesOf: async () => [],
    uuid: () => random.uuid(),
    log: () => undefined,
  });
  const born = (process: string, start: (mine: Life) => void) => {
    if (ended) return;
    start(life(process, pass, () => time.at(random.between(50, 3000), () => born(process, start))));
  };

  const made = await initCluster(store, env(undefined), {
    name: 'sim',
    node: 'n1',
    network: {
      mode: 'nat',
      bridge: 'gantry0',
      subnet: { cidr: '10.9.8.0/24', poolStart: '10.9.8.10', poolEnd: '10.9.8.250' },
    },
  });
  const world = fakeWorld();
  const remote = {
    authority: fakeAuthority(),
    certificates: () => [],
    url: 'https://controller.sim:7460',
  };
  const setUp = new Controller({ store, env: env(undefined), images: noImages, remote });
  const tokens = new Map([['n1', made.agentToken]]);
  for (let index = 2; index <= (options.nodes ?? 1); index++)
    tokens.set(`n${index}`, await expectNode(setUp, made.adminToken, `n${index}`));
  for (const { id, name } of (await store.list('node')).items)
    world.nodes.push(fakeNode(world, { id, name }, made.cluster, random.uuid()));
  world.nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  const [node] = world.nodes as [FakeNode];

  let server: (Listening & { life: Life }) | undefined;
  born('controller', (mine) => {
    const controller = new Controller({
      store: killableStore(store, mine),
      env: env(mine),
      images: noImages,
      remote,
    });
    server = { life: mine, controller };
    void controller.run(mine.signal).catch((error: unknown) => ended || fail(error));
  });

  const lane: Lane = new Map();
  const cutOff = new Set<string>();
  const agents = new Map<string, { life: Life; host: FakeHost }>();
  const agentName = ({ name }: FakeNode) => (name === 'n1' ? 'agent' : `agent ${name}`);
  const live = (own: FakeNode, id: string) => (mine: Life) => {
    if (own.id !== id || !own.isMember) return;
    if (own.leaving !== undefined) return leave(own);
    const host = fakeHost(own, time, mine, lane);
    agents.set(own.name, { life: mine, host });
    const token = tokens.get(own.name) ?? '';
    const reached = () => (cutOff.has(own.name) ? undefined : server);
    const link = simLink({ time, wire: net, mine, token, server: reached });
    const journal = {
      read: async () => readJournal(own),
      write: (state: JournalState) => {
        const text = JSON.stringify(state);
        const whole = () => {
          own.journal = text;
        };
        return mine.effect('journal', { whole });
      },
    };
    const answered = (request: TunnelRequest) => {
      if (!server) return;
      const told = (call: Parameters<typeof beTold>[1]) => {
        if (own === node) throw err('not_supported', { what: 'leaving from here', instead: 'Destroy it.' });
        return mine.effect('leaving', { whole: () => beTold(own, call, { time, begin: () => leave(own) }) });
      };
      void answerCall(own, request, server.controller, token, told).catch(() => undefined);
    };
    void startAgent({ env: env(mine), host, journal, link }, answered, mine.signal).then(
      (running) => running.done.catch(fail),
      (error: unknown) => mine.signal.aborted || fail(error),
    );
  };
  const leavers = new Set<FakeNode>();
  const leave = (own: FakeNode): void => {
    if (leavers.has(own) || own.leaving === undefined) return;
    leavers.add(own);
    const endAgent = () => agents.get(own.name)?.life.kill();
    born(`leaver ${own.name}`, (mine) => {
      const done = () => leavers.delete(own);
      void leaveNode(own, time, mine, endAgent).then(
        done,
        (error: unknown) => mine.signal.aborted || fail(error),
      );
    });
  };
  for (const own of world.nodes) born(agentName(own), live(own, own.id));

  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    if (!ended) failures.push(error);
  };
  const person = life(
    'user',
    () => undefined,
    () => undefined,
  );
  const sim: Simulation = {
    time,
    node,
    nodes: world.nodes,
    cutOff,
    world,
    store,
    gates: () => gates,
    deaths: () => deaths,
    host() {
      const agent = agents.get(node.name);
      return agent?.life.signal.aborted ? undefined : agent?.host;
    },
    async user<T>(route: RouteName, request: Omit<Request, 'route' | 'token'> = {}) {
      const idempotencyKey = random.uuid();
      let answer: { body: T } | { error: unknown } | undefined;
      const ask = async (): Promise<void> => {
        while (!answer) {
          const there = server;
          try {
            const act = async () =>
              (await there?.controller.call(route, { idempotencyKey, ...request, token: made.adminToken }))
                ?.body as T;
            answer = { body: await net.exchange(person, () => there?.life, act) };
          } catch (error) {
            if (isGantryError(error, 'api_unreachable')) await time.sleep(100);
            else answer = { error };
          }
        }
      };
      void ask();
      await time.until(() => answer !== undefined, 600_000);
      if (!answer) throw new Error(`no answer to ${route}`);
      if ('error' in answer) throw answer.error;
      return answer.body;
    },
    async until(condition, limitMs) {
      const end = time.now() + limitMs;
      while (!(await condition())) {
        if (failures.length) throw failures[0];
        if (time.now() >= end) return false;
        await time.until(() => false, 50);
      }
      return true;
    },
    kill: (process, name = node.name) => (process === 'controller' ? server : agents.get(name))?.life.kill(),
    async join(own) {
      const { node: row } = await sim.user<{ node: { id: string } }>('addNode', { body: { name: own.name } });
      const spec = { role: 'agent', node: row.id };
      const body = { name: `sim-${own.name}-${random.uuid()}`, spec };
      tokens.set(own.name, (await sim.user<{ secret: string }>('createToken', { body })).secret);
      Object.assign(own, { id: row.id, isMember: true });
      born(agentName(own), live(own, own.id));
    },
    async end() {
      ended = true;
      server?.life.kill();
      for (const { life: one } of agents.values()) one.kill();
      await time.until(() => true, 0);
      await store.close();
      if (failures.length) throw failures[0];
    },
  };
  return sim;
}

/** Expected as a node, and the token of its agent. */
async function expectNode(controller: Controller, token: string, name: string): Promise<string> {
  await controller.call('addNode', { token, body: { name } });
  const spec = { role: 'agent', node: name };
  const made = await controller.call('createToken', { token, body: { name: `sim-${name}`, spec } });
  return (made.body as { secret: string }).secret;
}

const joined = (mine: Life | undefined, signal: AbortSignal | undefined): AbortSignal | undefined => {
  if (!mine) return signal;
  return signal ? AbortSignal.any([mine.signal, signal]) : mine.signal;
};

const noImages = {
  put: () => Promise.reject(new Error('no images here')),
  read: () => Promise.reject(new Error('no images here')),
  has: async () => true,
  sweep: async () => 0,
};
