/** What a running agent knows: the journal's content plus what is only true while it runs. */
import type { Inside, LogLine, NodeFacts, StatusReport } from '@gantry/model';
import type { ActionName } from '../actions.ts';
import type { ControllerLink, Env, Host, Journal, JournalState } from '../env.ts';
import type { Failure } from '../plan/input.ts';
import type { GuestEvents } from './guest-events.ts';
import { type Latch, latch } from './latch.ts';

export interface AgentParts {
  env: Env;
  host: Host;
  journal: Journal;
  link: ControllerLink;
  /** Told whose node this is, as soon as it is known. */
  joined?: (cluster: string, node: string) => void;
}

export interface AgentState extends GuestEvents {
  journal: JournalState;
  /** Writes of the journal, counted: how many were asked for, which is on the disk, and why one is not. */
  keeping: { asked: number; done: number; why?: string };
  busy: Set<string>;
  /** What a busy subject is busy with, and how to end it. */
  underWay: Map<string, { does: ActionName; stop: AbortController }>;
  /** Tickets of disks that were sent. */
  sent: Set<string>;
  failures: Map<string, Failure>;
  /** Disks made in this life of the agent, by replica's disk: when, and what they take. */
  made: Map<string, { readyAt: number; allocatedBytes?: number }>;
  facts: NodeFacts | undefined;
  /** Latest status of everything assigned; the reporter sends what the controller has not acknowledged. */
  statuses: StatusReport[];
  unknown: string[];
  foreign: { name: string; uuid: string; memoryMiB: number; running: boolean }[];
  /** Undefined before the first look. */
  libvirt: boolean | undefined;
  /** Why libvirt does not let the agent in, where that is what is wrong. */
  libvirtRefusal?: string | undefined;
  log: Map<string, LogLine[]>;
  /** By instance: what the agents inside running guests told last. */
  inside: Map<string, Inside>;
  /** Instances that rebooted inside their QEMU: what their consoles said before is of another boot. */
  rebooted: Set<string>;
  /** Look at the node again. */
  look: Latch;
  /** Tell the controller. */
  tell: Latch;
  /** Guests may have started or gone. */
  alive: Latch;
  /** Assignments may have changed. */
  fetch: Latch;
  /** Consoles have something new to be judged. */
  listen: Latch;
  /** Facts of the node may have changed. */
  learn: Latch;
}

export const freshState = (journal: JournalState): AgentState => ({
  journal,
  keeping: { asked: 0, done: 0 },
  busy: new Set(),
  underWay: new Map(),
  sent: new Set(),
  failures: new Map(),
  made: new Map(),
  facts: undefined,
  statuses: [],
  unknown: [],
  foreign: [],
  libvirt: undefined,
  log: new Map(),
  events: [],
  recent: new Map(),
  inside: new Map(),
  rebooted: new Set(),
  look: latch(),
  tell: latch(),
  alive: latch(),
  fetch: latch(),
  listen: latch(),
  learn: latch(),
});

/** Output that is kept for an operation at the most, until the controller has taken it. */
const maxLines = 2000;

/** Add a line for the log of an operation. */
export function logTo(state: AgentState, operation: string, line: LogLine): void {
  const lines = state.log.get(operation) ?? [];
  if (lines.length < maxLines) lines.push(line);
  state.log.set(operation, lines);
  state.tell.set();
}

export const mayStart = (state: AgentState, bootId: string): boolean =>
  state.journal.assignments !== undefined &&
  (state.journal.assignments.singleNode || state.journal.confirmedInBoot === bootId);
