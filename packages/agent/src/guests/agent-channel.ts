/**
 * The guest's own agent, through libvirt. It is the guest's word: bounded in time, in size and in number, and checked
 * like any other input. Every call goes over a connection of its own, so that an agent that never answers holds up
 * nobody else, and libvirt itself stops waiting after a few seconds.
 */
import {
  type Domain,
  type LibvirtClient,
  LibvirtError,
  TransportError,
  virErrorNumber,
} from '@gantry/libvirt';
import { err } from '@gantry/model';
import { clean } from './clean.ts';
import { lookAtRunning } from './look.ts';
import type { StopParts } from './stop.ts';

/** An agent that is alive answers in milliseconds, under emulation in less than a second. */
const ANSWER_S = 5;
/** libvirt asks the agent twice (guest-sync, then the command) before it gives up. */
const CALL_MS = (2 * ANSWER_S + 2) * 1000;

export type AgentParts = Pick<StopParts, 'session' | 'member'>;
type Work<T> = (lv: LibvirtClient, dom: Domain, options: { timeoutMs: number }) => Promise<T>;

/** @throws GantryError `guest_agent` naming what it did not do */
export async function withAgent<T>(
  instance: string,
  { session, member }: AgentParts,
  work: Work<T>,
): Promise<T> {
  const found = await lookAtRunning(await session.client(), instance, member);
  if (!found)
    throw err('guest_agent', { name: instance, what: 'is not there: the guest does not run', absent: 1 });
  const { dom, facts } = found;
  const name = nameOf(dom);
  if (!facts.agentConnected) throw err('guest_agent', { name, what: 'is not connected', absent: 1 });
  try {
    return await session.aside(async (lv) => {
      await lv.domainAgentSetResponseTimeout({ dom, timeout: ANSWER_S });
      return await work(lv, dom, { timeoutMs: CALL_MS });
    });
  } catch (error) {
    throw refusalOf(name, error);
  }
}

/** The instance’s name: libvirt’s has a part of the id behind it. */
function nameOf({ name, uuid }: Domain): string {
  const tail = `-${uuid.slice(0, 8)}`;
  return name.endsWith(tail) ? name.slice(0, -tail.length) : name;
}

/** The guest's own words are cut: they may be anything. */
function refusalOf(name: string, error: unknown): unknown {
  if (error instanceof TransportError && error.code === 'TIMEOUT')
    return err('guest_agent', { name, what: `did not answer within ${CALL_MS / 1000} s` }, error);
  if (!(error instanceof LibvirtError)) return error;
  const what = error.code === virErrorNumber.VIR_ERR_AGENT_UNRESPONSIVE ? 'does not answer' : 'refused';
  return err('guest_agent', { name, what: `${what}: ${clean(error.message, 200)}` }, error);
}

/** How long a ping took, ms. */
export async function pingAgent(instance: string, parts: AgentParts, bootMs: () => number): Promise<number> {
  const before = bootMs();
  await withAgent(instance, parts, (lv, dom, options) =>
    lv.domainAgentCommand({ dom, cmd: '{"execute":"guest-ping"}', timeout: ANSWER_S, flags: 0 }, options),
  );
  return Math.max(0, bootMs() - before);
}

export const setPassword = (
  instance: string,
  { user, password }: { user: string; password: string },
  parts: AgentParts,
): Promise<void> =>
  withAgent(instance, parts, async (lv, dom, options) => {
    await lv.domainSetUserPassword({ dom, user, password, flags: 0 }, options);
  });

/** Added to those that are there. */
const APPEND = 1;

export const addSshKeys = (
  instance: string,
  { user, keys }: { user: string; keys: readonly string[] },
  parts: AgentParts,
): Promise<void> =>
  withAgent(instance, parts, async (lv, dom, options) => {
    await lv.domainAuthorizedSshKeysSet({ dom, user, keys: [...keys], flags: APPEND }, options);
  });

/** One that is not frozen answers 0. @returns how many file systems were thawed */
export const thaw = (instance: string, parts: AgentParts): Promise<number> =>
  withAgent(instance, parts, (lv, dom, options) =>
    lv.domainFsthaw({ dom, mountpoints: [], flags: 0 }, options),
  );

/**
 * Does something while the guest's file systems are frozen, and thaws them whatever happens: a guest that stays frozen
 * hangs. @returns what the work gives, and how many file systems were frozen
 */
export async function whileFrozen<T>(
  instance: string,
  parts: AgentParts,
  work: () => Promise<T>,
): Promise<{ frozen: number; result: T }> {
  let frozen: number;
  try {
    frozen = await withAgent(instance, parts, (lv, dom, options) =>
      lv.domainFsfreeze({ dom, mountpoints: [], flags: 0 }, options),
    );
  } catch (error) {
    // It may have frozen and not have said so.
    await thaw(instance, parts).catch(() => undefined);
    throw error;
  }
  try {
    return { frozen, result: await work() };
  } finally {
    await thaw(instance, parts);
  }
}
