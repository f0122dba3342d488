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

export async function reporting(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const acknowledged = new Map<string, string>();
  let sequence = 0;
  let backoffMs = 200;
  let lastNode = 0;
  let lastReadiness = '';
  // after a refusal each status goes alone, so that the one that is refused holds up no other
  let singly = false;
  while (!signal.aborted) {
    await waitAtMost(state.tell, heartbeatMs, parts.env.clock, signal);
    const news = state.statuses.filter((s) => acknowledged.get(keyOf(s)) !== JSON.stringify(s));
    singly &&= news.length > 0;
    const statuses = singly ? news.slice(0, 1) : news;
    const now = parts.env.clock.now();
    // a change of what the node can do is told at once, the rest as a heartbeat
    const readiness = `${state.libvirt} ${state.libvirtRefusal} ${state.facts !== undefined} ${state.keeping.why}`;
    const due = now - lastNode >= heartbeatMs || readiness !== lastReadiness;
    if (statuses.length === 0 && !hasRecords(state) && !due) continue;
    const taken = takeRecords(state);
    const report = await compose(parts, state, { statuses, taken, sequence: sequence++, withNode: due });
    // if the answer gets lost, nobody knows what the controller has: then all of it counts as not told
    for (const status of statuses) acknowledged.delete(keyOf(status));
    const told = () => {
      for (const status of statuses) acknowledged.set(keyOf(status), JSON.stringify(status));
    };
    try {
      const answer = await parts.link.report(report, signal);
      signal.throwIfAborted();
      if (!answer.accepted) {
        sequence = await goBeyond(parts, state, answer, sequence);
        giveBack(state, taken);
        state.tell.set();
        continue;
      }
      told();
      if (due) [lastNode, lastReadiness] = [now, readiness];
      backoffMs = 200;
      if (hasRecords(state) || singly) state.tell.set();
    } catch (error) {
      signal.throwIfAborted();
      const refused = isRefusal(error);
      parts.env.log(refused ? 'error' : 'debug', 'report failed', { error: String(error) });
      // what is refused once is refused for ever; a status that is refused alone is told again when it changes
      if (!refused) giveBack(state, taken);
      else if (statuses.length === 1 && !hasRecords(taken)) told();
      singly ||= refused;
      await parts.env.clock.sleep(backoffMs, signal);
      backoffMs = Math.min(backoffMs * 2, heartbeatMs);
      state.tell.set();
    }
  }
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

interface Part {
  statuses: StatusReport[];
  taken: Records;
  sequence: number;
  withNode: boolean;
}

async function compose(
  parts: AgentParts,
  state: AgentState,
  { statuses, taken: { log, events }, sequence, withNode }: Part,
): Promise<Report> {
  const node = withNode ? await nodeStatus(parts, state) : undefined;
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
