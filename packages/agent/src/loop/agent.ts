/**
 * The agent: observe -> plan -> apply -> report, for ever. Everything runs under one signal; a crash is its abort.
 * What it must know afterwards is in the journal, what it must do is found by looking.
 */
import { isGantryError } from '@gantry/model';
import { plugSubject } from '../actions.ts';
import type { DomainHappening, GuestMemory } from '../env.ts';
import { consoles } from './consoles.ts';
import { addEvent } from './guest-events.ts';
import { insides } from './insides.ts';
import { keep } from './keep.ts';
import { waitAtMost } from './latch.ts';
import { liveness } from './liveness.ts';
import { reporting } from './reporter.ts';
import { round } from './round.ts';
import { type AgentParts, type AgentState, freshState } from './state.ts';

/** Firmware, huge pages, libvirt itself may be there a minute later. */
const factsEveryMs = 60_000;

/** Look at least this often, in case an event was missed. */
const lookEveryMs = 30_000;

export interface RunningAgent {
  state: AgentState;
  /** Settles when the signal aborts; rejects when a part of the agent breaks (a bug, or a journal that cannot be written). */
  done: Promise<void>;
}

export async function startAgent(
  parts: AgentParts,
  onTunnel: Parameters<typeof following>[3],
  signal: AbortSignal,
): Promise<RunningAgent> {
  const previous = await parts.journal.read();
  const journal = previous ?? { run: 0, acts: {}, guests: {} };
  journal.run++;
  // an act that was begun by the agent before this one has an end that nobody saw
  for (const act of Object.values(journal.acts)) if (act.state === 'begun') act.state = 'unknown';
  // a balloon that was to be told may not have been
  for (const memory of Object.values(journal.guests)) delete memory.ballooning;
  await parts.journal.write(journal);
  const state = freshState(journal);
  if (journal.assignments) parts.joined?.(journal.assignments.cluster, journal.assignments.node);
  const done = Promise.all([
    learning(parts, state, signal),
    looking(parts, state, signal),
    reporting(parts, state, signal),
    fetching(parts, state, signal),
    following(parts, state, signal, onTunnel),
    liveness(parts, state, signal),
    consoles(parts, state, signal),
    insides(parts, state, signal),
    parts.host.watch((happening) => happened(parts, state, happening), signal),
  ]).then(
    () => undefined,
    (error: unknown) => {
      if (!signal.aborted) throw error;
    },
  );
  state.look.set();
  state.fetch.set();
  return { state, done };
}

/** Facts first: no guest is started before the accelerator is known. */
async function learning(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 60_000)) {
    try {
      state.facts = await parts.host.facts();
      state.look.set();
      state.tell.set();
      waitMs = state.facts.hardware ? factsEveryMs : 5000;
    } catch (error) {
      parts.env.log('error', 'facts of the node could not be gathered', { error: String(error) });
    }
    await waitAtMost(state.learn, waitMs, parts.env.clock, signal);
  }
}

async function looking(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  for (;;) {
    let wakeAt: number | undefined;
    try {
      wakeAt = await round(parts, state, signal);
    } catch (error) {
      signal.throwIfAborted();
      parts.env.log('error', 'a round failed', { error: String(error) });
      wakeAt = parts.env.clock.now() + 1000;
    }
    const now = parts.env.clock.now();
    const waitMs = Math.max(20, Math.min(lookEveryMs, (wakeAt ?? Number.POSITIVE_INFINITY) - now));
    await waitAtMost(state.look, waitMs, parts.env.clock, signal);
  }
}

/** Fetches assignments when told that they changed, and again and again until that works. */
async function fetching(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  for (let waitMs = 500; ; ) {
    await state.fetch.wait(signal);
    try {
      const assignments = await parts.link.assignments(signal);
      signal.throwIfAborted();
      state.journal = { ...state.journal, assignments, confirmedInBoot: parts.host.bootId() };
      await keep(parts, state);
      signal.throwIfAborted();
      parts.joined?.(assignments.cluster, assignments.node);
      state.look.set();
      waitMs = 500;
    } catch (error) {
      signal.throwIfAborted();
      parts.env.log(
        isGantryError(error, 'api_unreachable') ? 'debug' : 'warn',
        'assignments could not be fetched',
        { error: String(error) },
      );
      await parts.env.clock.sleep(waitMs, signal);
      // one that is refused, and not only unheard, need not ask twice a second
      if (!isGantryError(error, 'api_unreachable')) waitMs = Math.min(waitMs * 2, 10_000);
      state.fetch.set();
    }
  }
}

type OnTunnel = Parameters<AgentParts['link']['watch']>[1]['tunnel'];

/** Keeps the stream of wake-ups open. After every (re)connection the assignments are fetched anew. */
async function following(
  parts: AgentParts,
  state: AgentState,
  signal: AbortSignal,
  onTunnel: OnTunnel,
): Promise<void> {
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5000)) {
    const began = parts.env.clock.now();
    try {
      await parts.link.watch(undefined, { changed: () => state.fetch.set(), tunnel: onTunnel }, signal);
    } catch (error) {
      signal.throwIfAborted();
      parts.env.log('debug', 'the controller is away', { error: String(error) });
    }
    if (parts.env.clock.now() - began > 5000) waitMs = 100;
    await parts.env.clock.sleep(waitMs, signal);
    state.fetch.set();
  }
}

const levels: Partial<Record<DomainHappening['what'], 'info' | 'warn' | 'error'>> = {
  crash: 'error',
  panic: 'error',
  watchdog: 'warn',
};

/** Signs of life are asked for again: those of the boot before say nothing of this one. */
function bootsAnew(parts: AgentParts, state: AgentState, memory: GuestMemory): void {
  memory.rebootedAt = parts.env.clock.now();
  delete memory.firstPingAt;
  delete memory.sshReadyAt;
  void keep(parts, state).catch((error: unknown) =>
    parts.env.log('error', 'journal', { error: String(error) }),
  );
}

/** By the guest, or by hand: what is inserted and ejected through us is told by its operation. */
function trayMoved(parts: AgentParts, state: AgentState, { uuid, detail }: DomainHappening): void {
  if (state.busy.has(plugSubject(uuid)) || !state.journal.guests[uuid]) return;
  const event = { type: 'guest.tray-change', level: 'info', instance: uuid, message: detail } as const;
  addEvent(state, event, parts.env.clock.bootMs());
}

function happened(parts: AgentParts, state: AgentState, happening: DomainHappening): void {
  const memory = state.journal.guests[happening.uuid];
  const { what } = happening;
  if (what === 'tray') trayMoved(parts, state, happening);
  else if (memory && what !== 'started' && what !== 'stopped' && what !== 'io-error' && what !== 'other') {
    memory.ended = what;
    if (what === 'guest-reboot') bootsAnew(parts, state, memory);
    // A look may come before the cause is told: then libvirt's own words made it a crash, or a poweroff.
    const by = memory.downBy?.by;
    if (memory.downBy && by !== 'operator' && by !== 'host') memory.downBy = { ...memory.downBy, by: what };
    const told = { instance: happening.uuid, message: happening.detail };
    const event = { type: `guest.${what}`, level: levels[what] ?? 'info', ...told };
    addEvent(state, event, parts.env.clock.bootMs());
  }
  if (what === 'guest-reboot') {
    state.rebooted.add(happening.uuid);
    state.listen.set();
  }
  parts.env.log('debug', 'domain', { ...happening });
  state.look.set();
}
