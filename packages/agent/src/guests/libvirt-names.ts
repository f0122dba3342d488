/** libvirt's numbers as its own words, without prefix and in lower case: `shutoff`, `crashed`, `post-copy-failed`. */
import {
  type LibvirtClient,
  virDomainBlockedReason,
  virDomainCrashedReason,
  virDomainNostateReason,
  virDomainPausedReason,
  virDomainPMSuspendedReason,
  virDomainRunningReason,
  virDomainShutdownReason,
  virDomainShutoffReason,
  virDomainState,
} from '@gantry/libvirt';
import type { SeenDomain } from '../observation.ts';

export type StateName = SeenDomain['state'];

/** Words of an enumeration by number; `prefix` is cut off. */
export const wordsOf = (
  values: Readonly<Record<string, number>>,
  prefix: string,
): ReadonlyMap<number, string> =>
  new Map(
    Object.entries(values).map(([name, value]) => [
      value,
      name.slice(prefix.length).toLowerCase().replaceAll('_', '-'),
    ]),
  );

const states = wordsOf(virDomainState, 'VIR_DOMAIN_');

const reasons: Record<StateName, ReadonlyMap<number, string>> = {
  nostate: wordsOf(virDomainNostateReason, 'VIR_DOMAIN_NOSTATE_'),
  running: wordsOf(virDomainRunningReason, 'VIR_DOMAIN_RUNNING_'),
  blocked: wordsOf(virDomainBlockedReason, 'VIR_DOMAIN_BLOCKED_'),
  paused: wordsOf(virDomainPausedReason, 'VIR_DOMAIN_PAUSED_'),
  shutdown: wordsOf(virDomainShutdownReason, 'VIR_DOMAIN_SHUTDOWN_'),
  shutoff: wordsOf(virDomainShutoffReason, 'VIR_DOMAIN_SHUTOFF_'),
  crashed: wordsOf(virDomainCrashedReason, 'VIR_DOMAIN_CRASHED_'),
  pmsuspended: wordsOf(virDomainPMSuspendedReason, 'VIR_DOMAIN_PMSUSPENDED_'),
};

/** A number that this agent does not know reads as `nostate` or `unknown`, which nobody acts upon. */
export function stateName(numbers: { state: number; reason: number }): { state: StateName; reason: string } {
  const state = (states.get(numbers.state) ?? 'nostate') as StateName;
  return { state, reason: reasons[state].get(numbers.reason) ?? 'unknown' };
}

/** Is there a QEMU? */
export const isAlive = (state: StateName): boolean => state !== 'shutoff' && state !== 'crashed';

/** Of the daemon: "9.0.0". */
export async function versionOf(lv: LibvirtClient): Promise<string> {
  const number = Number(await lv.connectGetLibVersion());
  return [Math.floor(number / 1e6), Math.floor(number / 1e3) % 1e3, number % 1e3].join('.');
}
