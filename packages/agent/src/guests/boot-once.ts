/** A start from elsewhere, once: libvirt gets its definition for this start alone, and keeps the one of all others. */
import { compileGuest, explain, type GuestDomain, renderDomain } from '@gantry/guest';
import { isInvalidState, virDomainCreateFlags } from '@gantry/libvirt';
import { err, type GuestSpec } from '@gantry/model';
import type { Logger } from '../actions.ts';
import { contextOf } from './diff.ts';
import { lookAtRunning } from './look.ts';
import { defineGuest } from './start.ts';
import type { StartParts } from './start-parts.ts';

/** Ends when QEMU stands there, paused. A guest that runs already is left as it is. */
export async function startOnce(
  spec: GuestSpec,
  parts: StartParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const dom = await defineGuest(spec, parts, log, signal);
  if (!dom) return;
  const { lv, member, directory } = parts;
  const once = await compiledOnce(spec, dom.name, parts);
  signal.throwIfAborted();
  // It would be gone on with at the start after this, of disks that have left it behind.
  if (await lv.domainHasManagedSaveImage({ dom })) await lv.domainManagedSaveRemove({ dom });
  const xmlDesc = renderDomain(once);
  const record = await directory.readRecord(spec.instance);
  if (record)
    await directory.writeRecord(spec.instance, { ...record, asked: xmlDesc, explanation: explain(once) });
  const flags = virDomainCreateFlags.VIR_DOMAIN_START_PAUSED;
  try {
    await parts.starting(() => lv.domainCreateXml({ xmlDesc, flags }));
  } catch (error) {
    const runs = isInvalidState(error) && (await lookAtRunning(lv, spec.instance, member));
    if (!runs) throw error;
  }
  log('info', `${spec.input.name} boots from ${spec.bootOnce?.order.join(', ')} this once`);
}

/** Whatever kernel it is given otherwise: the firmware boots. */
async function compiledOnce(spec: GuestSpec, name: string, parts: StartParts): Promise<GuestDomain> {
  const { bootOnce } = spec;
  if (!bootOnce) throw err('internal', { why: 'a start from elsewhere that says not where' });
  const input = { ...spec.input, boot: { kernel: 'disk' as const }, bootOrder: bootOnce.order };
  const host = await contextOf({ ...spec, input }, name, parts);
  return compileGuest(input, { ...host, bootOnce: bootOnce.operation });
}

/** Lets it run. One that runs, or is gone, needs nothing. */
export async function resumeGuest(
  instance: string,
  { lv, member }: Pick<StartParts, 'lv' | 'member'>,
): Promise<void> {
  const found = await lookAtRunning(lv, instance, member);
  if (found?.state === 'paused') await lv.domainResume({ dom: found.dom });
}
