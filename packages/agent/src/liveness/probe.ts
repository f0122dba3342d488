/** First signs of life of a guest, from outside it: an answered ping, then a ready ssh. Each costs little and ends. */
import { checkInterface, checkIpv4, checkMac } from '../network/wanted.ts';
import { firstPing, type PingPorts } from './ping.ts';
import { firstBanner, type SshPorts } from './ssh.ts';

export interface ProbeTarget {
  instance: string;
  ipv4: string;
  bridge: string;
  /** Spares up to a second of waiting for ARP. */
  mac?: string;
}

export type ProbePorts = Pick<PingPorts, 'clock' | 'run'> & Pick<SshPorts, 'port'>;

/**
 * Calls back with the wall-clock time (ms) of each sign; resolves after the last, when it gives up (a guest need not
 * answer, nor have ssh), or when the signal aborts.
 * @throws GantryError `invalid_argument`
 */
export async function probe(
  target: ProbeTarget,
  onLive: (sign: 'ping' | 'ssh', at: number) => void,
  signal: AbortSignal,
  ports: ProbePorts,
): Promise<void> {
  checkIpv4(target.ipv4);
  checkInterface(target.bridge);
  if (target.mac !== undefined) checkMac(target.mac);
  const pingAt = await firstPing(target, signal, ports);
  if (pingAt === undefined) return;
  onLive('ping', pingAt);
  const sshAt = await firstBanner(target.ipv4, signal, ports);
  if (sshAt !== undefined) onLive('ssh', sshAt);
}
