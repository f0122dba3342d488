/**
 * Asks the agents inside running guests for addresses and file systems: soon after the start, then seldom. Few at a
 * time, and an agent that does not answer is asked ever more seldom.
 */
import { isDeepStrictEqual } from 'node:util';
import type { InstanceId } from '@gantry/model';
import type { AgentParts, AgentState } from './state.ts';

const turnMs = 5000;
/** What was told holds so long. */
const holdsMs = 60_000;
/** One that is not there may come at any time, and whether it is there is asked of libvirt alone. */
const absentMs = 30_000;
const longestMs = 10 * 60_000;
const AT_ONCE = 4;

interface Due {
  startedAt: number;
  at: number;
  waitMs: number;
}

export async function insides(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const dues = new Map<InstanceId, Due>();
  for (;;) {
    const queue = dueNow(state, dues, parts.env.clock.now());
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await look(parts, state, dues, next, signal);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await parts.env.clock.sleep(turnMs, signal);
  }
}

/** Guests that run and are to be asked; what is known of the others is forgotten. */
function dueNow(state: AgentState, dues: Map<InstanceId, Due>, now: number): InstanceId[] {
  const running = new Map<InstanceId, number>();
  for (const { id, spec } of state.journal.assignments?.guests ?? []) {
    // Of a guest that was found running nobody knows when it was started.
    const startedAt = state.journal.guests[spec.instance]?.startedAt ?? 0;
    const status = state.statuses.find((one) => one.kind === 'guest' && one.id === id)?.status;
    if (status?.state === 'running') running.set(spec.instance, startedAt);
  }
  for (const id of [...dues.keys(), ...state.inside.keys()] as InstanceId[])
    if (!running.has(id)) {
      dues.delete(id);
      state.inside.delete(id);
    }
  return [...running].flatMap(([id, startedAt]) => {
    const due = dues.get(id);
    if (due?.startedAt === startedAt) return due.at <= now ? [id] : [];
    dues.set(id, { startedAt, at: now, waitMs: turnMs });
    state.inside.delete(id);
    return [id];
  });
}

async function look(
  parts: AgentParts,
  state: AgentState,
  dues: Map<InstanceId, Due>,
  instance: InstanceId,
  signal: AbortSignal,
): Promise<void> {
  const due = dues.get(instance);
  if (!due) return;
  try {
    const inside = await parts.host.inside(instance);
    due.waitMs =
      inside.agent === 'answers'
        ? holdsMs
        : Math.min(due.waitMs * 2, inside.agent === 'absent' ? absentMs : longestMs);
    if (!isDeepStrictEqual(state.inside.get(instance), inside)) {
      state.inside.set(instance, inside);
      state.look.set();
    }
  } catch (error) {
    signal.throwIfAborted();
    due.waitMs = Math.min(due.waitMs * 2, longestMs);
    parts.env.log('debug', 'a guest could not be asked', { instance, error: String(error) });
  }
  signal.throwIfAborted();
  due.at = parts.env.clock.now() + due.waitMs;
}
