/**
 * Tells the controller what is: at once when something changed, else as a heartbeat. Reports are numbered and carry
 * everything that has not been acknowledged, so losing or repeating one does no harm.
 */
import {
  isGantryError,
  type NodeStatus,
  type Report,
  type ReportAnswer,
  type StatusReport,
} from '@gantry/model';
import { conditionsOf } from './conditions.ts';
import { keep } from './keep.ts';
import { waitAtMost } from './latch.ts';
import { giveBack, hasRecords, type Records, takeRecords } from './records.ts';
import type { AgentParts, AgentState } from './state.ts';

export const heartbeatMs = 10_000;

/** What the controller is known to have, and how it takes reports. */
interface Talk {
  /** Statuses by `keyOf`, as text. */
  acknowledged: Map<string, string>;
  sequence: number;
  backoffMs: number;
  /** When it was last told of the node itself (wall-clock ms), and as what. */
  node: { at: number; readiness: string };
  /** After a refusal each status goes alone, so that the one that is refused holds up no other. */
  singly: boolean;
}

/** What one report is to say. */
interface News {
  statuses: StatusReport[];
  taken: Records;
  /** The node itself is due, as of then. */
  node?: Talk['node'];
}

export async function reporting(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const talk: Talk = {
    acknowledged: new Map(),
    sequence: 0,
    backoffMs: 200,
    node: { at: 0, readiness: '' },
    singly: false,
  };
  while (!signal.aborted) {
    await waitAtMost(state.tell, heartbeatMs, parts.env.clock, signal);
    const news = newsOf(state, talk, parts.env.clock.now());
    if (news) await tell(parts, state, talk, news, signal);
  }
}

function newsOf(state: AgentState, talk: Talk, at: number): News | undefined {
  const untold = state.statuses.filter((s) => talk.acknowledged.get(keyOf(s)) !== JSON.stringify(s));
  talk.singly &&= untold.length > 0;
  const statuses = talk.singly ? untold.slice(0, 1) : untold;
  const readiness = readinessOf(state);
  // a change of what the node can do is told at once, the rest as a heartbeat
  const due = at - talk.node.at >= heartbeatMs || readiness !== talk.node.readiness;
  if (statuses.length === 0 && !hasRecords(state) && !due) return undefined;
  return { statuses, taken: takeRecords(state), ...(due ? { node: { at, readiness } } : {}) };
}

const readinessOf = ({ libvirt, libvirtRefusal, facts, keeping }: AgentState): string =>
  `${libvirt} ${libvirtRefusal} ${facts !== undefined} ${keeping.why}`;

async function tell(
  parts: AgentParts,
  state: AgentState,
  talk: Talk,
  news: News,
  signal: AbortSignal,
): Promise<void> {
  const report = await compose(parts, state, news, talk.sequence++);
  // if the answer gets lost, nobody knows what the controller has: then all of it counts as not told
  for (const status of news.statuses) talk.acknowledged.delete(keyOf(status));
  try {
    const answer = await parts.link.report(report, signal);
    signal.throwIfAborted();
    if (answer.accepted) taken(state, talk, news);
    else await unheard(parts, state, talk, news, answer);
  } catch (error) {
    signal.throwIfAborted();
    failed(parts, state, talk, news, error);
    await parts.env.clock.sleep(talk.backoffMs, signal);
    talk.backoffMs = Math.min(talk.backoffMs * 2, heartbeatMs);
    state.tell.set();
  }
}

function acknowledge({ acknowledged }: Talk, { statuses }: News): void {
  for (const status of statuses) acknowledged.set(keyOf(status), JSON.stringify(status));
}

function taken(state: AgentState, talk: Talk, news: News): void {
  acknowledge(talk, news);
  if (news.node) talk.node = news.node;
  talk.backoffMs = 200;
  if (hasRecords(state) || talk.singly) state.tell.set();
}

async function unheard(
  parts: AgentParts,
  state: AgentState,
  talk: Talk,
  news: News,
  answer: ReportAnswer,
): Promise<void> {
  talk.sequence = await goBeyond(parts, state, answer, talk.sequence);
  giveBack(state, news.taken);
  state.tell.set();
}

/** What is refused once is refused for ever; a status that is refused alone is told again when it changes. */
function failed(parts: AgentParts, state: AgentState, talk: Talk, news: News, error: unknown): void {
  const refused = isRefusal(error);
  parts.env.log(refused ? 'error' : 'debug', 'report failed', { error: String(error) });
  if (!refused) giveBack(state, news.taken);
  else if (news.statuses.length === 1 && !hasRecords(news.taken)) acknowledge(talk, news);
  talk.singly ||= refused;
}

const isRefusal = (error: unknown): boolean =>
  isGantryError(error) && (error.status === 400 || error.status === 413);

/**
 * The controller has newer reports of this node than ours: numbers go on above them. They can only be from an earlier
 * life of this agent whose journal was lost. @returns the next sequence
 */
async function goBeyond(
  parts: AgentParts,
  state: AgentState,
  { latest }: ReportAnswer,
  sequence: number,
): Promise<number> {
  if (!latest || latest.run < state.journal.run) return sequence;
  if (latest.run === state.journal.run && latest.sequence < sequence) return sequence;
  state.journal.run = latest.run + 1;
  await keep(parts, state);
  return 0;
}

async function compose(
  parts: AgentParts,
  state: AgentState,
  { statuses, taken: { log, events }, node: due }: News,
  sequence: number,
): Promise<Report> {
  const node = due ? await nodeStatus(parts, state) : undefined;
  return {
    bootId: parts.host.bootId(),
    run: state.journal.run,
    sequence,
    statuses,
    ...(node ? { node } : {}),
    ...(log.size
      ? { log: [...log].map(([operation, lines]) => ({ operation: operation as never, lines })) }
      : {}),
    ...(events.length ? { events } : {}),
  };
}

const keyOf = (status: StatusReport): string => `${status.kind}:${status.id}`;

async function nodeStatus(parts: AgentParts, state: AgentState): Promise<NodeStatus> {
  const gauges = await parts.host.gauges().catch(() => ({}));
  return {
    state: !state.facts ? 'joining' : state.libvirt ? 'ready' : 'degraded',
    bootId: parts.host.bootId(),
    ...(state.facts ? { facts: state.facts } : {}),
    ...gauges,
    conditions: conditionsOf(state, new Date(parts.env.clock.now()).toISOString(), parts.host.examines()),
    foreignDomains: state.foreign,
    unknown: state.unknown,
  };
}
