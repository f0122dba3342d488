/** Waits until sshd speaks: a connection alone would be any listener, the banner (RFC 4253, 4.2) is ssh. */
import { connect } from 'node:net';
import type { Clock } from '../env.ts';
import { type Phase, phaseAt, sshPhases } from './phases.ts';

export interface SshPorts {
  clock: Clock;
  phases?: readonly Phase[];
  port?: number;
  /** Until it speaks, the first time. */
  speakMs?: number;
}

/** Until it is connected. A guest whose firewall drops the packet is asked again well before TCP would. */
const CONNECT_MS = 1000;
/**
 * Until it speaks, the first time; twice as long each time that it said nothing. Who hangs up too soon has sshd begin anew:
 * an emulated guest with much to do needs many seconds for that, and would never be heard.
 */
const [SPEAK_MS, MOST_SPEAK_MS] = [5000, 60_000];
const BANNER = Buffer.from('SSH-');

/** Wall-clock time (ms) of the first banner, or undefined when it was given up or stopped. */
export async function firstBanner(
  ipv4: string,
  signal: AbortSignal,
  { clock, phases = sshPhases, port = 22, speakMs: firstMs = SPEAK_MS }: SshPorts,
): Promise<number | undefined> {
  const begun = clock.bootMs();
  let speakMs = firstMs;
  while (!signal.aborted) {
    const answer = await greets(ipv4, port, speakMs, signal);
    if (answer === 'ssh') return clock.now();
    if (answer === 'silence') speakMs = Math.min(speakMs * 2, MOST_SPEAK_MS);
    const phase = phaseAt(phases, clock.bootMs() - begun);
    if (!phase) return undefined;
    await clock.sleep(phase.everyMs, signal).catch(() => undefined);
  }
  return undefined;
}

/** `silence`: it was connected, and nothing came. */
type Greeting = 'ssh' | 'nothing' | 'silence';

/** Reads no more than four bytes of what a guest sends. */
function greets(ipv4: string, port: number, speakMs: number, signal: AbortSignal): Promise<Greeting> {
  return new Promise((resolve) => {
    const socket = connect({ host: ipv4, port, signal });
    let seen = Buffer.alloc(0);
    const end = (answer: Greeting) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    let timer = setTimeout(end, CONNECT_MS, 'nothing');
    socket.on('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(end, speakMs, 'silence');
    });
    socket.on('error', () => end('nothing')).on('close', () => end('nothing'));
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk]).subarray(0, BANNER.length);
      if (!BANNER.subarray(0, seen.length).equals(seen)) end('nothing');
      else if (seen.length === BANNER.length) end('ssh');
    });
  });
}
