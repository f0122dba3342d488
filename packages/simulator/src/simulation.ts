/**
 * A whole cluster of one in one process: the real controller on a real (in-memory) SQLite store, the real agent on a
 * fake node, virtual time, seeded faults. What dies comes back after a while.
 */
import { type JournalState, startAgent } from '@gantry/agent';
import { Controller, initCluster, type Request, SqliteStore } from '@gantry/controller';
import { isGantryError, type RouteName } from '@gantry/model';
import { type FakeHost, fakeHost } from './fake-host.ts';
import { type FakeNode, fakeNode, readJournal } from './fake-node.ts';
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
}

export interface Simulation {
  time: Scheduler;
  node: FakeNode;
  store: SqliteStore;
  /** Gates passed so far. */
  gates(): number;
  deaths(): string[];
  host(): FakeHost | undefined;
  /** The user: repeats until answered, with one idempotency key. */
  user<T>(route: RouteName, request?: Omit<Request, 'route' | 'token'>): Promise<T>;
  /** Runs until the condition holds; false after the limit of virtual time. */
  until(condition: () => Promise<boolean> | boolean, limitMs: number): Promise<boolean>;
  kill(process: 'controller' | 'agent'): void;
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
  const node = fakeNode('n1', made.cluster, random.uuid());

  let server: (Listening & { life: Life }) | undefined;
  born('controller', (mine) => {
    const controller = new Controller({
      store: killableStore(store, mine),
      env: env(mine),
      images: noImages,
    });
    server = { life: mine, controller };
    void controller.run(mine.signal).catch((error: unknown) => ended || fail(error));
  });

  let agent: { life: Life; host: FakeHost } | undefined;
  born('agent', (mine) => {
    const host = fakeHost(node, time, mine);
    agent = { life: mine, host };
    const link = simLink({ time, wire: net, mine, token: made.agentToken, server: () => server });
    const journal = {
      read: async () => readJournal(node),
      write: (state: JournalState) => {
        const text = JSON.stringify(state);
        const whole = () => {
          node.journal = text;
        };
        return mine.effect('journal', { whole });
      },
    };
    void startAgent({ env: env(mine), host, journal, link }, () => undefined, mine.signal).then(
      (running) => running.done.catch(fail),
      (error: unknown) => mine.signal.aborted || fail(error),
    );
  });

  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    if (!ended) failures.push(error);
  };
  const person = life(
    'user',
    () => undefined,
    () => undefined,
  );
  return {
    time,
    node,
    store,
    gates: () => gates,
    deaths: () => deaths,
    host: () => (agent?.life.signal.aborted ? undefined : agent?.host),
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
    kill: (process) => (process === 'controller' ? server : agent)?.life.kill(),
    async end() {
      ended = true;
      server?.life.kill();
      agent?.life.kill();
      await time.until(() => true, 0);
      await store.close();
      if (failures.length) throw failures[0];
    },
  };
}

const joined = (mine: Life | undefined, signal: AbortSignal | undefined): AbortSignal | undefined => {
  if (!mine) return signal;
  return signal ? AbortSignal.any([mine.signal, signal]) : mine.signal;
};

const noImages = {
  put: () => Promise.reject(new Error('no images here')),
  read: () => Promise.reject(new Error('no images here')),
  sweep: async () => 0,
};
