/** Waits until sshd speaks: a connection alone would be any listener, the banner (RFC 4253, 4.2) is ssh. */
import { connect } from 'node:net';
import type { Clock } from '../env.ts';
import { type Phase, phaseAt, sshPhases } from './phases.ts';

export interface SshPorts {
  clock: Clock;
  phases?: readonly Phase[];
  port?: number;
}

/** One attempt. A guest whose firewall drops the packet is asked again well before TCP would. */
const ATTEMPT_MS = 1000;
const BANNER = Buffer.from('SSH-');

/** Wall-clock time (ms) of the first banner, or undefined when it was given up or stopped. */
export async function firstBanner(
  ipv4: string,
  signal: AbortSignal,
  { clock, phases = sshPhases, port = 22 }: SshPorts,
): Promise<number | undefined> {
  const begun = clock.bootMs();
  while (!signal.aborted) {
    if (await greets(ipv4, port, signal)) return clock.now();
    const phase = phaseAt(phases, clock.bootMs() - begun);
    if (!phase) return undefined;
    await clock.sleep(phase.everyMs, signal).catch(() => undefined);
  }
  return undefined;
}

/** Reads no more than four bytes of what a guest sends. */
function greets(ipv4: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
    const socket = connect({ host: ipv4, port, signal: limit });
    let seen = Buffer.alloc(0);
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', () => end(false)).on('close', () => end(false));
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk]).subarray(0, BANNER.length);
      if (!BANNER.subarray(0, seen.length).equals(seen)) end(false);
      else if (seen.length === BANNER.length) end(true);
    });
  });
}
