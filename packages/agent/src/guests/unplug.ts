/** Asking a guest to give up a device, and waiting for what it does: libvirt’s call ends long before the guest has obeyed. */

import { parseDomain } from '@gantry/guest';
import { type Domain, type LibvirtClient, virDomainDeviceModifyFlags } from '@gantry/libvirt';
import { err } from '@gantry/model';
import type { Clock } from '../env.ts';

/** A guest that answers does so in a second or two, an emulated one on a busy host later. The loop asks again. */
export const UNPLUG_MS = 15_000;

export interface Unplug {
  lv: LibvirtClient;
  dom: Domain;
  alias: string;
  /** For messages. */
  name: string;
  guest: string;
  clock: Clock;
}

/**
 * Ends when QEMU has the device no longer.
 * @throws GantryError `device_refused` when the guest said no, `device_kept` when it said nothing in time
 */
export async function unplug(
  { lv, dom, alias, name, guest, clock }: Unplug,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const events = lv.domainEvents(['deviceRemoved', 'deviceRemovalFailed'], {
    dom,
    filter: ({ devAlias }) => devAlias === alias,
    signal: AbortSignal.any([signal, stop.signal]),
  });
  const answer = firstOf(events);
  // libvirt may go before anybody listens to it
  answer.catch(() => undefined);
  try {
    await events.ready;
    const flags = virDomainDeviceModifyFlags.VIR_DOMAIN_DEVICE_MODIFY_LIVE;
    await lv.domainDetachDeviceAlias({ dom, alias, flags }).catch(unlessUnderWay);
    const late = clock.sleep(UNPLUG_MS, stop.signal).then(() => 'late' as const);
    late.catch(() => undefined);
    const said = await Promise.race([answer, late]);
    signal.throwIfAborted();
    if (said === 'deviceRemoved' || !(await isThere(lv, dom, alias))) return;
    if (said === 'deviceRemovalFailed') throw err('device_refused', { device: name, name: guest });
    throw err('device_kept', { device: name, name: guest, limit: `${UNPLUG_MS / 1000} s` });
  } finally {
    stop.abort();
    await answer.catch(() => undefined);
  }
}

async function firstOf(events: AsyncIterable<{ kind: string }>): Promise<string | undefined> {
  for await (const { kind } of events) if (kind !== 'missed') return kind;
  return undefined;
}

const isThere = async (lv: LibvirtClient, dom: Domain, alias: string): Promise<boolean> =>
  parseDomain(await lv.domainGetXmlDesc({ dom })).live.aliases.includes(alias);

/** It was asked before and has not answered yet. */
function unlessUnderWay(error: unknown): void {
  if (!/already in the process of unplug|already pending/i.test(String(error))) throw error;
}
