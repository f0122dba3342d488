/** A guest's memory on disk: libvirt's managed save, which is bound to the domain and goes with it. */
import { isInvalidState, type LibvirtClient, LibvirtError } from '@gantry/libvirt';
import { err, type GuestSpec } from '@gantry/model';
import type { Logger } from '../actions.ts';
import { endOf } from '../console/reader.ts';
import { isAlive } from './libvirt-names.ts';
import { lookAt, lookAtRunning, refuseOlder } from './look.ts';
import { NO_LIMIT } from './session.ts';
import type { StartParts } from './start-parts.ts';
import type { StopParts } from './stop.ts';

/**
 * Ends when the memory lies on disk and QEMU has ended. One that does not run is left as it is. libvirt lets a guest go
 * on that it could not save.
 * @throws GantryError `suspend_failed`
 */
export async function saveGuest(spec: GuestSpec, { session, member }: StopParts, log: Logger): Promise<void> {
  const found = await lookAtRunning(await session.client(), spec.instance, member);
  if (!found) return;
  refuseOlder(found, spec.epoch);
  log('info', `the memory of ${spec.input.name} is being written to disk`);
  try {
    await session.aside((lv) => lv.domainManagedSave({ dom: found.dom }), NO_LIMIT);
  } catch (error) {
    if (isInvalidState(error) && !(await lookAtRunning(await session.client(), spec.instance, member)))
      return;
    if (!(error instanceof LibvirtError)) throw error;
    throw err('suspend_failed', { why: messageOf(error), node: member.node }, error);
  }
}

export interface RestoreParts extends StopParts {
  /** Of QEMU's user. */
  qemuGid: number;
  starting: StartParts['starting'];
}

/**
 * Goes on with its saved memory. Its definition is left as it was saved with: libvirt takes the hardware from the
 * saved memory anyway.
 * @returns false where there is none
 * @throws GantryError `saved_memory_unusable`
 */
export async function restoreGuest(
  spec: GuestSpec,
  { session, member, directory, qemuGid, starting }: RestoreParts,
  log: Logger,
): Promise<boolean> {
  const lv = await session.client();
  const found = await lookAt(lv, spec.instance, member);
  if (!found || isAlive(found.state)) return false;
  refuseOlder(found, spec.epoch);
  const { dom } = found;
  if (!(await hasSaved(lv, found))) return false;
  const paths = await directory.prepare(spec.instance, qemuGid);
  const record = await directory.readRecord(spec.instance);
  if (record)
    await directory.writeRecord(spec.instance, { ...record, consoleFrom: await endOf(paths.console) });
  try {
    await starting(() => session.aside((own) => own.domainCreateWithFlags({ dom }), NO_LIMIT));
  } catch (error) {
    const runs = isInvalidState(error) && (await lookAtRunning(lv, spec.instance, member));
    if (!(error instanceof LibvirtError)) throw error;
    if (!runs) throw err('saved_memory_unusable', { why: messageOf(error) }, error);
  }
  log('info', `${spec.input.name} goes on with its saved memory`);
  return true;
}

const hasSaved = async (
  lv: LibvirtClient,
  { dom }: { dom: Parameters<LibvirtClient['domainManagedSave']>[0]['dom'] },
) => (await lv.domainHasManagedSaveImage({ dom })) !== 0;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
