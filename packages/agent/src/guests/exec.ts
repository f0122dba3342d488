/**
 * A command inside a guest, by the guest's own agent: started once, asked after until it has ended. There is no shell
 * between. Output comes when it has ended, as the agent keeps it until then.
 */
import type { Domain, LibvirtClient } from '@gantry/libvirt';
import {
  EXEC_TIMEOUT_MS,
  err,
  type GuestCommand,
  type GuestExec,
  matches,
  type Static,
  type TSchema,
  Type,
} from '@gantry/model';
import type { Say } from '../commands/say.ts';
import type { Clock } from '../env.ts';
import { type AgentParts, withAgent } from './agent-channel.ts';

/** Between two questions whether it has ended: short at first, then less often. */
const PAUSE_MS = { first: 20, longest: 1000 } as const;
/** What is sent in one line, before base64. */
const PIECE_BYTES = 64 * 1024;
const ANSWER_S = 5;

const Base64 = Type.String({ pattern: '^[A-Za-z0-9+/=]*$' });
const Started = Type.Object({ return: Type.Object({ pid: Type.Integer({ minimum: 1 }) }) });
const Status = Type.Object({
  return: Type.Object({
    exited: Type.Boolean(),
    exitcode: Type.Optional(Type.Integer()),
    signal: Type.Optional(Type.Integer()),
    'out-data': Type.Optional(Base64),
    'err-data': Type.Optional(Base64),
    'out-truncated': Type.Optional(Type.Boolean()),
    'err-truncated': Type.Optional(Type.Boolean()),
  }),
});
type Status = Static<typeof Status>['return'];

type Parts = AgentParts & { clock: Pick<Clock, 'bootMs' | 'sleep'> };
/** A command of the agent's own protocol, and what it answers. */
export type Tell = (execute: string, args: Record<string, unknown>) => Promise<unknown>;

/** @throws GantryError `guest_agent` when it is absent, silent, or forbids it */
export const execInside = (
  command: GuestCommand,
  parts: Parts,
  say: Say,
  signal: AbortSignal,
): Promise<void> =>
  withAgent(command.instance, parts, (lv, dom, options) =>
    runByAgent(command, { tell: teller(lv, dom, options), name: dom.name, clock: parts.clock }, say, signal),
  );

interface Agent {
  tell: Tell;
  /** For messages. */
  name: string;
  clock: Parts['clock'];
}

export async function runByAgent(
  command: GuestExec,
  agent: Agent,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const { pid } = checked(Started, await agent.tell('guest-exec', started(command)), agent).return;
  const status = await ended(pid, command.timeoutMs ?? EXEC_TIMEOUT_MS, agent, signal);
  if (status) return await pass(status, say);
  // The agent has no word for ending it; most guests have a program.
  await agent.tell('guest-exec', started({ argv: ['kill', '-KILL', String(pid)] })).catch(() => undefined);
  await say({ end: { timedOut: true } });
}

const teller =
  (lv: LibvirtClient, dom: Domain, options: { timeoutMs: number }): Tell =>
  async (execute, args) => {
    const cmd = JSON.stringify({ execute, arguments: args });
    return JSON.parse(
      (await lv.domainAgentCommand({ dom, cmd, timeout: ANSWER_S, flags: 0 }, options)) ?? 'null',
    );
  };

const started = ({ argv: [path, ...arg], input }: Pick<GuestExec, 'argv' | 'input'>) => ({
  path,
  arg,
  'capture-output': true,
  ...(input === undefined ? {} : { 'input-data': input }),
});

/** Undefined: its time was over. */
async function ended(
  pid: number,
  timeoutMs: number,
  agent: Agent,
  signal: AbortSignal,
): Promise<Status | undefined> {
  const { clock, tell } = agent;
  const until = clock.bootMs() + timeoutMs;
  for (let pauseMs: number = PAUSE_MS.first; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.longest)) {
    const status = checked(Status, await tell('guest-exec-status', { pid }), agent).return;
    if (status.exited) return status;
    const leftMs = until - clock.bootMs();
    if (leftMs <= 0) return undefined;
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
  }
}

/** The guest's word. */
function checked<T extends TSchema>(schema: T, answer: unknown, { name }: Agent): Static<T> {
  if (matches(schema, answer)) return answer as Static<T>;
  throw err('guest_agent', { name, what: 'answered something else than was asked' });
}

async function pass(status: Status, say: Say): Promise<void> {
  for (const [from, as] of [
    ['out-data', 'out'],
    ['err-data', 'err'],
  ] as const) {
    const data = Buffer.from(status[from] ?? '', 'base64');
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      const piece = data.subarray(at, at + PIECE_BYTES).toString('base64');
      await say(as === 'out' ? { out: piece } : { err: piece });
    }
  }
  const { exitcode: code, signal: killedBy } = status;
  const cut = status['out-truncated'] || status['err-truncated'];
  await say({
    end: {
      ...(killedBy ? { signal: `signal ${killedBy}` } : { code: code ?? 0 }),
      timedOut: false,
      ...(cut ? { cut } : {}),
    },
  });
}
