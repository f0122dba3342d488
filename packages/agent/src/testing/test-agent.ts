/** The agent's loop on a node as a test says, with a clock that the test moves. */
import type { Assignments, GuestStatus, Inside, NodeFacts, Report } from '@gantry/model';
import type { Action } from '../actions.ts';
import type { Clock, DomainHappening, Host, JournalState } from '../env.ts';
import { startAgent } from '../loop/agent.ts';
import type { AgentState } from '../loop/state.ts';
import type { Observation } from '../observation.ts';
import { assignmentsOf, ids, observationOf } from './assignments.ts';

export interface TestAgent {
  readonly state: AgentState;
  assignments: Assignments;
  /** What a look shows. */
  observation: Observation;
  /** How long a look goes on after it has seen that. */
  lookMs: number;
  /** Actions asked for so far. */
  readonly actions: Action[];
  readonly reports: Report[];
  /** Looks at a report before it is taken; may refuse it. */
  judge: (report: Report) => void;
  /** Carries an action out. */
  perform: (action: Action) => void;
  /** Probes wanted so far. */
  readonly probes: { onLive: Parameters<Host['probe']>[1]; signal: AbortSignal }[];
  /** What the guest's console log holds. */
  console: string;
  /** The journal cannot be written. */
  full: boolean;
  /** The journal as it is on the disk. */
  kept(): JournalState | undefined;
  /** What its screen shows. */
  screen: string[];
  /** What the agent inside it tells. */
  inside: Inside;
  /** libvirt tells of something. */
  tell(what: DomainHappening['what'], detail?: string): Promise<void>;
  /** Lets time pass, in steps of at most 100 ms, and what waits for it run. */
  pass(ms: number): Promise<void>;
  /** The latest status of the guest. */
  guest(): GuestStatus | undefined;
  stop(): Promise<void>;
}

const facts: NodeFacts = {
  hostname: 'n1',
  architecture: 'x86_64',
  cpus: 4,
  cpuModel: 'test',
  memoryMiB: 8192,
  kernel: '6.1',
  accelerator: { kvm: false, reason: 'a test' },
  agentVersion: '0.1.0',
  capabilities: [],
};

/** An action that took no time and changed nothing would be planned again for ever. */
const actionMs = 10;

export async function testAgent(
  assignments: Assignments = assignmentsOf(),
  observation: Observation = observationOf(),
): Promise<TestAgent> {
  const { clock, pass } = manualClock(Date.UTC(2026, 0, 1));
  let agent: TestAgent;
  let journal: JournalState | undefined;
  const over = new AbortController();
  const listeners: ((happening: DomainHappening) => void)[] = [];
  const part: Omit<TestAgent, 'state' | 'stop'> = {
    assignments,
    observation,
    lookMs: 0,
    actions: [],
    reports: [],
    judge: () => undefined,
    perform: () => undefined,
    probes: [],
    console: '',
    full: false,
    kept: () => journal,
    screen: [],
    inside: { agent: 'absent' },
    async tell(what, detail = what) {
      for (const listener of listeners) listener({ uuid: ids.instance, what, detail });
      await settle();
    },
    pass,
    guest: () => running.state.statuses.find((status) => status.kind === 'guest')?.status as GuestStatus,
  };
  const host: Host = {
    bootId: () => 'boot-1',
    facts: async () => facts,
    examines: () => undefined,
    gauges: async () => ({}),
    observe: async () => {
      const seen = structuredClone(agent.observation);
      if (agent.lookMs > 0) await clock.sleep(agent.lookMs);
      return seen;
    },
    perform: async (action, _log, signal) => {
      agent.actions.push(action);
      await clock.sleep(actionMs, signal);
      agent.perform(action);
      return {};
    },
    explain: async () => undefined,
    paths: () => ({ console: '/console', vnc: '/vnc' }),
    consoleStart: async () => ({ inode: 1, offset: 0 }),
    readConsole: async (_instance, { inode, offset }) => {
      const bytes = Buffer.from(agent.console.slice(offset), 'latin1');
      return { bytes, position: { inode, offset: offset + bytes.length }, gap: false };
    },
    screen: async () => agent.screen,
    inside: async () => agent.inside,
    async watch(onHappening, signal) {
      listeners.push(onHappening);
      await clock.sleep(Number.POSITIVE_INFINITY, signal);
    },
    async probe(_target, onLive, signal) {
      agent.probes.push({ onLive, signal });
      await clock.sleep(Number.POSITIVE_INFINITY, signal);
    },
  };
  const parts = {
    host,
    env: { clock, random: () => 0.5, uuid: () => ids.act, log: () => undefined },
    journal: {
      read: async () => journal,
      write: async (state: JournalState) => {
        if (agent?.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        journal = structuredClone(state);
      },
    },
    link: {
      assignments: async () => agent.assignments,
      watch: (_: unknown, __: unknown, signal: AbortSignal) => clock.sleep(Number.POSITIVE_INFINITY, signal),
      report: async (report: Report) => {
        agent.judge(report);
        agent.reports.push(report);
        return { accepted: true, term: agent.assignments.term };
      },
      imageContent: () => Promise.reject(new Error('no images here')),
    },
  };
  const running = await startAgent(parts, () => undefined, over.signal);
  agent = Object.assign(part, {
    state: running.state,
    async stop() {
      over.abort();
      await running.done;
    },
  });
  await settle();
  return agent;
}

function manualClock(startMs: number): { clock: Clock; pass(ms: number): Promise<void> } {
  let nowMs = startMs;
  const sleepers = new Set<{ atMs: number; wake(): void }>();
  const clock: Clock = {
    now: () => nowMs,
    bootMs: () => nowMs - startMs,
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const sleeper = { atMs: nowMs + ms, wake: () => resolve() };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
  };
  async function pass(ms: number): Promise<void> {
    const end = nowMs + ms;
    while (nowMs < end) {
      nowMs = Math.min(end, nowMs + 100);
      for (const sleeper of sleepers) {
        if (sleeper.atMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await settle();
    }
  }
  return { clock, pass };
}

/** Until everything that needs no time has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
