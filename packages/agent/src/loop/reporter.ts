/**
 * Tells the controller what is: at once when something changed, else as a heartbeat. Reports are numbered and carry
 * everything that has not been acknowledged, so losing or repeating one does no harm.
 */
import type { NodeStatus, Report, ReportAnswer, StatusReport } from '@gantry/model';
import { conditionsOf } from './conditions.ts';
import { waitAtMost } from './latch.ts';
import type { AgentParts, AgentState } from './state.ts';

export const heartbeatMs = 10_000;

export async function reporting(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const acknowledged = new Map<string, string>();
  let sequence = 0;
  let backoffMs = 200;
  let lastNode = 0;
  let lastReadiness = '';
  while (!signal.aborted) {
    await waitAtMost(state.tell, heartbeatMs, parts.env.clock, signal);
    const statuses = state.statuses.filter((s) => acknowledged.get(keyOf(s)) !== JSON.stringify(s));
    const now = parts.env.clock.now();
    // a change of what the node can do is told at once, the rest as a heartbeat
    const readiness = `${state.libvirt} ${state.libvirtRefusal} ${state.facts !== undefined}`;
    const due = now - lastNode >= heartbeatMs || readiness !== lastReadiness;
    if (statuses.length === 0 && state.log.size === 0 && state.events.length === 0 && !due) continue;
    const report = await compose(parts, state, statuses, sequence++, due);
    const taken = take(state);
    // if the answer gets lost, nobody knows what the controller has: then all of it counts as not told
    for (const status of statuses) acknowledged.delete(keyOf(status));
    try {
      const answer = await parts.link.report(report, signal);
      signal.throwIfAborted();
      if (!answer.accepted) {
        sequence = await goBeyond(parts, state, answer, sequence);
        giveBack(state, taken);
        state.tell.set();
        continue;
      }
      for (const status of statuses) acknowledged.set(keyOf(status), JSON.stringify(status));
      if (due) [lastNode, lastReadiness] = [now, readiness];
      backoffMs = 200;
    } catch (error) {
      signal.throwIfAborted();
      giveBack(state, taken);
      parts.env.log('debug', 'report failed', { error: String(error) });
      await parts.env.clock.sleep(backoffMs, signal);
      backoffMs = Math.min(backoffMs * 2, heartbeatMs);
      state.tell.set();
    }
  }
}

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
  await parts.journal.write(state.journal);
  return 0;
}

async function compose(
  parts: AgentParts,
  state: AgentState,
  statuses: StatusReport[],
  sequence: number,
  withNode: boolean,
): Promise<Report> {
  const node = withNode ? await nodeStatus(parts, state) : undefined;
  return {
    bootId: parts.host.bootId(),
    run: state.journal.run,
    sequence,
    statuses,
    ...(node ? { node } : {}),
    ...(state.log.size
      ? { log: [...state.log].map(([operation, lines]) => ({ operation: operation as never, lines })) }
      : {}),
    ...(state.events.length ? { events: [...state.events] } : {}),
  };
}

interface Taken {
  log: AgentState['log'];
  events: AgentState['events'];
}

function take(state: AgentState): Taken {
  const taken = { log: state.log, events: state.events };
  state.log = new Map();
  state.events = [];
  return taken;
}

function giveBack(state: AgentState, taken: Taken): void {
  state.events = [...taken.events, ...state.events];
  const log = new Map(taken.log);
  for (const [operation, lines] of state.log) log.set(operation, [...(log.get(operation) ?? []), ...lines]);
  state.log = log;
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
