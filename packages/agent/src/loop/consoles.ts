/**
 * Listens to the serial consoles of guests for what keeps them from booting. What was found stays until the next boot,
 * over restarts of the agent too: it reads the log of this boot again, and comes to the same.
 */
import type { Condition, Guest, InstanceId, NodeEvent } from '@gantry/model';
import { conditionOf } from '../console/conditions.ts';
import type { Position } from '../console/reader.ts';
import { type BootView, freshBoot, judge, take } from '../console/recogniser.ts';
import { lineSplitter } from '../process/lines.ts';
import { addEvent } from './guest-events.ts';
import { keep } from './keep.ts';
import { waitAtMost } from './latch.ts';
import type { AgentParts, AgentState } from './state.ts';

const listenEveryMs = 2000;
/** Chunks of one guest in one turn: who writes more waits for the next. */
const MOST_CHUNKS = 4;
/** A screen is looked at so long after the start, and only while the console has said nothing. */
const screenAfterMs = [5000, 10_000, 20_000, 40_000, 80_000];

/** What is known of one boot of one guest. */
interface Ear {
  startedAt: number;
  /** Of this boot: the start, or the latest reboot. */
  since: number;
  position: Position;
  view: BootView;
  lines: ReturnType<typeof lineSplitter>;
  heardAt: number;
  /** Looks at its screen so far. */
  looks: number;
  silent: boolean;
}

export async function consoles(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const ears = new Map<InstanceId, Ear>();
  for (;;) {
    const guests = state.journal.assignments?.guests ?? [];
    for (const id of ears.keys()) if (!guests.some(({ spec }) => spec.instance === id)) ears.delete(id);
    for (const guest of guests) {
      await listen(parts, state, ears, guest).catch((error: unknown) => {
        signal.throwIfAborted();
        parts.env.log('debug', 'a console could not be read', {
          instance: guest.spec.instance,
          error: String(error),
        });
      });
      signal.throwIfAborted();
    }
    await waitAtMost(state.listen, listenEveryMs, parts.env.clock, signal);
  }
}

async function listen(
  parts: AgentParts,
  state: AgentState,
  ears: Map<InstanceId, Ear>,
  guest: Guest,
): Promise<void> {
  const { instance } = guest.spec;
  const now = parts.env.clock.now();
  const ear = await earOf(parts, state, ears.get(instance), guest, now);
  if (!ear) return;
  const rebooted = state.rebooted.delete(instance);
  await hear(parts, ear, instance, now);
  if (rebooted) {
    ear.view = freshBoot;
    Object.assign(ear, { looks: 0, silent: true, since: now });
    const memory = state.journal.guests[instance];
    if (memory?.console) memory.console = { ...memory.console, from: ear.position };
  }
  ears.set(instance, ear);
  await lookAtScreen(parts, ear, guest, now);
  await conclude(parts, state, guest, ear, now);
}

/** That of this start. A guest that does not run, and was not listened to, is not listened to. */
async function earOf(
  parts: AgentParts,
  state: AgentState,
  known: Ear | undefined,
  { id, spec }: Guest,
  now: number,
): Promise<Ear | undefined> {
  const startedAt = state.journal.guests[spec.instance]?.startedAt ?? 0;
  if (known?.startedAt === startedAt && state.journal.guests[spec.instance]?.console) return known;
  const status = state.statuses.find((one) => one.kind === 'guest' && one.id === id)?.status;
  if (status?.state !== 'running' && status?.state !== 'paused') return undefined;
  const start = await parts.host.consoleStart(spec.instance);
  const memory = state.journal.guests[spec.instance];
  if (!memory || (memory.startedAt ?? 0) !== startedAt) return undefined;
  memory.console ??= { from: start, found: [] };
  return newEar(startedAt, memory.console.from, now);
}

function newEar(startedAt: number, position: Position, now: number): Ear {
  const ear: Ear = {
    startedAt,
    since: startedAt,
    position,
    view: freshBoot,
    lines: lineSplitter((line) => {
      ear.view = take(ear.view, line);
    }),
    heardAt: now,
    looks: 0,
    silent: true,
  };
  return ear;
}

async function hear(parts: AgentParts, ear: Ear, instance: string, now: number): Promise<void> {
  for (let chunk = 0; chunk < MOST_CHUNKS; chunk++) {
    const { bytes, position } = await parts.host.readConsole(instance, ear.position);
    ear.position = position;
    if (bytes.length === 0) return;
    ear.heardAt = now;
    ear.silent = false;
    ear.lines.push(Buffer.from(bytes));
  }
}

/** Firmware speaks on the screen alone. A kernel given by the host needs no boot disk. */
async function lookAtScreen(parts: AgentParts, ear: Ear, { spec }: Guest, now: number): Promise<void> {
  const after = screenAfterMs[ear.looks];
  const due = after !== undefined && now - ear.since >= after;
  if (!due || !ear.silent || spec.input.boot.kernel !== 'disk') return;
  ear.looks++;
  for (const line of await parts.host.screen(spec.instance)) ear.view = take(ear.view, line);
}

/** What is new is told: as condition of the guest, and once as an event. */
async function conclude(
  parts: AgentParts,
  state: AgentState,
  { spec }: Guest,
  ear: Ear,
  now: number,
): Promise<void> {
  // The guest may have been started anew meanwhile.
  const memory = state.journal.guests[spec.instance];
  if (!memory?.console || (memory.startedAt ?? 0) !== ear.startedAt) return;
  const before = memory.console.found;
  const since = new Date(now).toISOString();
  const found = judge(ear.view, now - ear.heardAt)
    .map((finding) => conditionOf(finding, spec.input, since))
    .map((condition) => before.find((old) => isSame(old, condition)) ?? condition);
  if (found.length === before.length && found.every((condition) => before.includes(condition))) return;
  for (const condition of found)
    if (!before.includes(condition)) addEvent(state, troubleOf(spec, condition), parts.env.clock.bootMs());
  memory.console = { from: memory.console.from, found };
  await keep(parts, state);
  state.look.set();
}

const isSame = (a: Condition, b: Condition): boolean => a.type === b.type && a.reason === b.reason;

const troubleOf = ({ instance, input }: Guest['spec'], { message }: Condition): NodeEvent => ({
  type: 'guest.trouble',
  level: 'warn',
  instance,
  message: `${input.name}: ${message}`.slice(0, 2048),
});
