/** Waits for the first answered ping: one child process (iputils) per phase, which dies with the agent. */
import type { Clock } from '../env.ts';
import { ProcessError, type Run, run as runProgram } from '../process/run.ts';
import { type Phase, phaseAt, pingPhases } from './phases.ts';

export interface PingTarget {
  ipv4: string;
  bridge: string;
  mac?: string;
}

export interface PingPorts {
  clock: Clock;
  run?: Run;
  phases?: readonly Phase[];
}

/** A neighbour entry counts as reachable for 15 s at least (base_reachable_time of 30 s, halved at worst). */
const NEIGHBOUR_MS = 10_000;
/** After a ping that ended at once: there is no route yet, or no ping. */
const RETRY_MS = 1000;

/**
 * Wall-clock time (ms) of the first answer, or undefined when it was given up or stopped. `target` was checked.
 * An address that nobody answers for is asked by ARP only once a second, and a guest would be noticed so late; so its
 * MAC, if known, is told to the kernel as a fresh neighbour, and told again until the guest answers.
 */
export async function firstPing(
  target: PingTarget,
  signal: AbortSignal,
  { clock, run = runProgram, phases = pingPhases }: PingPorts,
): Promise<number | undefined> {
  const begun = clock.bootMs();
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const introduced = introduce(target, stop, clock, run);
  // told at the end
  introduced.catch(() => undefined);
  try {
    for (;;) {
      const phase = phaseAt(phases, clock.bootMs() - begun);
      if (!phase || signal.aborted) return undefined;
      const at = await pingFor(target.ipv4, phase.everyMs, phase.leftMs, stop, { clock, run });
      if (at !== undefined) return at;
    }
  } finally {
    done.abort();
    await introduced;
  }
}

async function pingFor(
  ipv4: string,
  everyMs: number,
  forMs: number,
  signal: AbortSignal,
  { clock, run }: { clock: Clock; run: Run },
): Promise<number | undefined> {
  const begun = clock.bootMs();
  const answered = new AbortController();
  let at: number | undefined;
  const argv = ['ping', '-n', '-i', `${everyMs / 1000}`, '-w', `${Math.ceil(forMs / 1000)}`, ipv4] as const;
  await run([...argv], {
    okCodes: [0, 1, 2],
    keepBytes: 4096,
    signal: AbortSignal.any([signal, answered.signal]),
    onOutput(line) {
      if (at !== undefined || !line.includes(` bytes from ${ipv4}: icmp_seq=`)) return;
      at = clock.now();
      answered.abort();
    },
  }).catch(stopped);
  const early = clock.bootMs() - begun < Math.min(RETRY_MS, forMs);
  if (at === undefined && early && !signal.aborted)
    await clock.sleep(RETRY_MS, signal).catch(() => undefined);
  return at;
}

async function introduce(
  { ipv4, bridge, mac }: PingTarget,
  signal: AbortSignal,
  clock: Clock,
  run: Run,
): Promise<void> {
  while (mac !== undefined && !signal.aborted) {
    const argv = ['neigh', 'replace', ipv4, 'lladdr', mac, 'dev', bridge, 'nud', 'reachable'];
    await run(['ip', ...argv], { okCodes: [0, 1, 2] }).catch(stopped);
    await clock.sleep(NEIGHBOUR_MS, signal).catch(() => undefined);
  }
}

/** Stopped is as meant; a program that is not there would be told of by the next who needs it. */
function stopped(error: unknown): void {
  if (!(error instanceof ProcessError)) throw error;
}
