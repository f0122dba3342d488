/** One round: look, plan, remember, act. Actions on different subjects run side by side; a round never waits for them. */
import { err, isGantryError, type Problem, passingErrors, toProblem } from '@gantry/model';
import { type Action, operationOf, subjectOf } from '../actions.ts';
import type { Plan } from '../plan/input.ts';
import { plan } from '../plan/plan.ts';
import { probeText } from '../plan/probe.ts';
import { describe } from './describe.ts';
import { addEvent } from './guest-events.ts';
import { isKept, keep } from './keep.ts';
import { type AgentParts, type AgentState, logTo, mayStart } from './state.ts';

/** @returns when to look again at the latest (wall clock, ms) */
export async function round(
  parts: AgentParts,
  state: AgentState,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { assignments } = state.journal;
  if (!assignments) return undefined;
  // What ends while the node is looked at may be seen as it was before: it is judged in the round that its end begins.
  const busy = new Set(state.busy);
  const acts = { ...state.journal.acts };
  const observation = await parts.host.observe();
  signal.throwIfAborted();
  const planned = plan({
    assignments,
    observation,
    memory: { ...state.journal, acts },
    bootId: parts.host.bootId(),
    mayStart: mayStart(state, parts.host.bootId()) && state.facts !== undefined,
    now: parts.env.clock.now(),
    busy,
    failures: state.failures,
    accelerator: state.facts?.accelerator.kvm ? 'kvm' : 'tcg',
    sent: state.sent,
  });
  state.libvirt = observation.libvirt;
  state.libvirtRefusal = observation.libvirtRefusal;
  state.unknown = planned.unknown;
  state.foreign = observation.domains
    .filter((d) => d.ours?.cluster !== assignments.cluster)
    .map((d) => ({ name: d.name, uuid: d.uuid, memoryMiB: d.memoryMiB, running: d.state !== 'shutoff' }));
  await remember(parts, state, planned);
  signal.throwIfAborted();
  state.statuses = await Promise.all(planned.statuses.map((status) => describe(parts.host, state, status)));
  state.tell.set();
  state.alive.set();
  for (const { subject, doing } of planned.abandon) {
    const present = state.underWay.get(subject);
    if (present && doing.includes(present.does)) present.stop.abort(new Error('no longer wanted'));
  }
  for (const action of planned.actions) begin(parts, state, action, signal);
  return planned.wakeAt;
}

/** The past is made durable before anything is done on the strength of it. */
async function remember(parts: AgentParts, state: AgentState, planned: Plan): Promise<void> {
  const assigned = new Set(state.journal.assignments?.acts.map((act) => act.id));
  const acts = Object.fromEntries(Object.entries(state.journal.acts).filter(([id]) => assigned.has(id)));
  for (const action of planned.actions)
    if (action.do === 'act.perform') acts[action.act] = { state: 'begun', at: parts.env.clock.now() };
  const before = state.journal;
  const next = { ...before, guests: planned.guests, disks: planned.disks, acts };
  const past = pastOf(next);
  if (isKept(state) && past === pastOf(before)) return;
  state.journal = next;
  try {
    await keep(parts, state);
  } catch (error) {
    notBegun(state, planned, pastOf(state.journal) === past ? before : undefined);
    throw error;
  }
}

/** What was planned is not done, and is planned again: it must not count as begun, nor as tried. */
function notBegun(state: AgentState, { actions }: Plan, before: AgentState['journal'] | undefined): void {
  for (const action of actions) if (action.do === 'act.perform') delete state.journal.acts[action.act];
  // something else was noted meanwhile: then that counts more
  if (!before) return;
  const { guests, acts, disks = {} } = before;
  state.journal = { ...state.journal, guests, acts, disks };
}

const pastOf = ({ guests, disks = {}, acts }: AgentState['journal']): string =>
  JSON.stringify([guests, disks, acts]);

function begin(parts: AgentParts, state: AgentState, action: Action, signal: AbortSignal): void {
  const subject = subjectOf(action);
  if (state.busy.has(subject)) return;
  state.busy.add(subject);
  const stop = new AbortController();
  state.underWay.set(subject, { does: action.do, stop });
  void carryOut(parts, state, action, AbortSignal.any([signal, stop.signal])).finally(() => {
    state.busy.delete(subject);
    state.underWay.delete(subject);
    if (!signal.aborted) state.look.set();
  });
}

async function carryOut(
  parts: AgentParts,
  state: AgentState,
  action: Action,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = parts.env;
  const operation = operationOf(action);
  const log = (level: 'info' | 'warn' | 'error' | 'output', text: string) => {
    if (operation) logTo(state, operation, { at: new Date(clock.now()).toISOString(), level, text });
    parts.env.log(level === 'output' ? 'debug' : level, text, { action: action.do });
  };
  try {
    if (action.do === 'guest.start' && action.because !== 'wanted') announce(state, action, clock.bootMs());
    const outcome = await parts.host.perform(action, log, signal);
    if (signal.aborted) return;
    if (action.do === 'disk.create' || action.do === 'disk.receive')
      state.made.set(action.spec.disk, { readyAt: clock.now(), ...outcome });
    if (action.do === 'disk.remove') state.made.delete(action.spec.disk);
    if (action.do === 'disk.send' && action.spec.send) state.sent.add(action.spec.send.ticket);
    state.failures.delete(subjectOf(action));
    if (!succeeded(parts, state, action)) return;
  } catch (error) {
    if (signal.aborted || !failed(parts, state, action, error, log)) return;
  }
  await keep(parts, state).catch((error: unknown) => {
    if (!signal.aborted) parts.env.log('error', 'the journal cannot be written', { error: String(error) });
  });
}

/** @returns whether it is to be remembered */
function succeeded(parts: AgentParts, state: AgentState, action: Action): boolean {
  const now = parts.env.clock.now();
  if (action.do === 'act.perform') {
    const { kind, instance } = action.action;
    // It may have rebooted before libvirt's answer came.
    const begunAt = state.journal.acts[action.act]?.at ?? now;
    state.journal.acts[action.act] = { state: 'done', at: now };
    const memory = state.journal.guests[instance];
    if (kind === 'guest.reboot' && memory) memory.rebootAskedAt = begunAt;
  } else if (action.do === 'guest.start') {
    // The reboot, or the stop taken back, that the start follows is over now, and not before: a start that failed is
    // tried again. What the console said while it was starting is heard again, as words of this start.
    const {
      rebootAskedAt: _over,
      stopWithdrawnAt: _followed,
      ranFor: _earlier,
      console: _heard,
      ...memory
    } = state.journal.guests[action.spec.instance] ?? { restarts: [] };
    const ranInBoot = parts.host.bootId();
    state.journal.guests[action.spec.instance] = { ...memory, startedAt: now, ranInBoot };
  } else if (action.do === 'address.probe') {
    const { instance } = action.spec;
    const memory = state.journal.guests[instance] ?? { restarts: [] };
    state.journal.guests[instance] = { ...memory, probed: probeText(action.spec) };
  } else if (action.do === 'guest.updateDevice') {
    const memory = state.journal.guests[action.spec.instance];
    if (memory) memory.updatedBy = action.spec.plug.operation;
  } else return false;
  return true;
}

/** @returns whether it is to be remembered */
function failed(
  parts: AgentParts,
  state: AgentState,
  action: Action,
  error: unknown,
  log: (level: 'error', text: string) => void,
): boolean {
  const problem = toProblem(isGantryError(error) ? error : err('internal', { why: textOf(error) }, error));
  log('error', problem.title);
  if (action.do === 'act.perform') {
    state.journal.acts[action.act] = { state: 'failed', problem, at: parts.env.clock.now() };
    return true;
  }
  fail(state, action, problem, parts.env.clock.now());
  return false;
}

/** What is back sooner: a libvirt that restarts, another node's agent. */
const soon: readonly string[] = [...passingErrors, 'transfer_failed'];

/** Tried again after 5 s, 10 s, ... 5 min: the cause may go away by itself. */
function fail(state: AgentState, action: Action, problem: Problem, now: number): void {
  const subject = subjectOf(action);
  const attempts = (state.failures.get(subject)?.attempts ?? 0) + 1;
  const firstMs = soon.includes(problem.code) ? 500 : 5000;
  const retryAt = now + Math.min(300_000, firstMs * 2 ** (attempts - 1));
  state.failures.set(subject, { generation: generationOf(state, action), problem, attempts, retryAt });
}

function generationOf(state: AgentState, action: Action): number {
  const assigned = state.journal.assignments;
  const subject = subjectOf(action);
  const all = [...(assigned?.guests ?? []), ...(assigned?.replicas ?? []), ...(assigned?.attachments ?? [])];
  const found = all.find((object) => {
    const spec = object.spec as { instance?: string; disk?: string; sha256?: string; network?: string };
    return [
      `guest:${spec.instance}`,
      `filter:${spec.instance}`,
      `address:${spec.instance}`,
      `plug:${spec.instance}`,
      `copy:${spec.instance}`,
      `vcpus:${spec.instance}`,
      `memory:${spec.instance}`,
      `disk:${spec.disk}`,
      `base:${spec.sha256}`,
      `network:${spec.network}`,
    ].includes(subject);
  });
  return found?.generation ?? 0;
}

function announce(state: AgentState, action: Extract<Action, { do: 'guest.start' }>, nowMs: number): void {
  const why = {
    'host-boot': 'the node booted',
    crash: 'it crashed',
    'guest-poweroff': 'it powered itself off',
    'guest-reboot': 'it rebooted',
    wanted: '',
  };
  const event = {
    type: 'guest.restarted',
    level: action.because === 'crash' ? 'warn' : 'info',
    instance: action.spec.instance,
    message: `${action.spec.input.name} is started again because ${why[action.because]}`,
  } as const;
  addEvent(state, event, nowMs);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
