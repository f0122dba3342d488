/**
 * The size of a guest that runs: what its binding says against what it has. A size that was reached is not asked for again,
 * so that what somebody changes by hand stays, and is told as a difference. A guest that keeps what it shall give is told
 * of, and asked again now and then.
 */
import { err, formatBytes, type Guest, type GuestStatus, type Problem, toProblem } from '@gantry/model';
import type { Action } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { type Failure, failureOf, free, type PlanInput } from './input.ts';

/** A balloon driver that works moves something in that time, on a busy node too. */
export const stallMs = 30_000;

/** Its driver may come later: a guest that boots, a module that somebody loads. */
const askAgainMs = 60_000;

/** How far a balloon has come is not told by every driver, so it is looked at. */
const lookMs = 1000;

/** Beside a guest that was waited for, and has kept its CPU. */
const triesOfVcpus = 3;

export interface SizePart {
  actions: Action[];
  status: Pick<GuestStatus, 'size' | 'error'>;
  wakeAt?: number;
}

export function planSize(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): SizePart {
  if (!seen.size) return { actions: [], status: {} };
  const cpus = planVcpus(guest, seen.size.vcpus, input, memory);
  const balloon = planMemory(guest, seen.size.memoryMiB, input, memory);
  const error = cpus.error ?? balloon.error;
  return {
    actions: [...cpus.actions, ...balloon.actions],
    status: {
      size: { vcpus: seen.size.vcpus, memoryMiB: balloon.toldMiB },
      ...(error ? { error } : {}),
    },
    ...(balloon.wakeAt === undefined ? {} : { wakeAt: balloon.wakeAt }),
  };
}

interface Half {
  actions: Action[];
  error?: Problem;
}

function planVcpus(guest: Guest, has: number, input: PlanInput, memory: GuestMemory): Half {
  const { instance, input: wanted } = guest.spec;
  if (has === wanted.vcpus) memory.sized = { ...memory.sized, vcpus: has };
  if (memory.sized?.vcpus === wanted.vcpus) return { actions: [] };
  const subject = `vcpus:${instance}`;
  const failure = failureOf(input, subject, guest.generation);
  const said = failure?.problem.code === 'guest_kept' ? failure.problem : undefined;
  const keeps = failure && failure.attempts >= triesOfVcpus;
  return {
    actions: free(input, subject, guest.generation)
      ? [{ do: 'guest.setVcpus', instance, vcpus: wanted.vcpus }]
      : [],
    ...(said ? { error: said } : keeps ? { error: kept(guest, `${has} virtual CPUs`, whyOf(failure)) } : {}),
  };
}

interface BalloonHalf extends Half {
  toldMiB: number;
  wakeAt?: number;
}

function planMemory(guest: Guest, has: number, input: PlanInput, memory: GuestMemory): BalloonHalf {
  const toMiB = guest.spec.input.memoryMiB;
  if (has === toMiB) memory.sized = { ...memory.sized, memoryMiB: has };
  if (memory.sized?.memoryMiB === toMiB) {
    delete memory.ballooning;
    return { actions: [], toldMiB: has };
  }
  const { instance } = guest.spec;
  const subject = `memory:${instance}`;
  const under = underWay(has, toMiB, input.now, memory);
  const due = under.askedAt === undefined || input.now >= under.askedAt + askAgainMs;
  const ask = due && free(input, subject, guest.generation);
  memory.ballooning = { ...under, ...(ask ? { askedAt: input.now } : {}) };
  const stalled = input.now >= under.movedAt + stallMs;
  const failure = failureOf(input, subject, guest.generation);
  const keeps = stalled || (failure && failure.attempts > 1);
  const why = failure ? whyOf(failure) : silent;
  return {
    actions: ask ? [{ do: 'guest.setMemory', instance, memoryMiB: toMiB }] : [],
    toldMiB: keeps ? has : under.fromMiB,
    wakeAt: keeps ? (memory.ballooning.askedAt ?? input.now) + askAgainMs : input.now + lookMs,
    ...(keeps ? { error: kept(guest, formatBytes(has * 2 ** 20), why) } : {}),
  };
}

/** A new wish is asked for at once. */
function underWay(
  has: number,
  toMiB: number,
  now: number,
  { ballooning }: GuestMemory,
): NonNullable<GuestMemory['ballooning']> {
  if (ballooning?.toMiB !== toMiB) return { fromMiB: has, toMiB, seenMiB: has, movedAt: now };
  return ballooning.seenMiB === has ? ballooning : { ...ballooning, seenMiB: has, movedAt: now };
}

const silent = `its balloon has not moved for ${stallMs / 1000} s: it runs no balloon driver (virtio_balloon), or needs the memory itself`;

const whyOf = ({ problem }: Failure): string => problem.title;

const kept = ({ spec }: Guest, what: string, why: string): Problem =>
  toProblem(err('guest_kept', { name: spec.input.name, what, why }));

/** The part of a guest that runs, with its size. */
export function withSize<P extends { actions: Action[]; status: { status: object }; wakeAt?: number }>(
  part: P,
  { actions, status, wakeAt }: SizePart,
): P {
  const times = [part.wakeAt, wakeAt].filter((at) => at !== undefined);
  return {
    ...part,
    actions: [...part.actions, ...actions],
    status: { ...part.status, status: { ...part.status.status, ...status } },
    ...(times.length > 0 ? { wakeAt: Math.min(...times) } : {}),
  };
}
