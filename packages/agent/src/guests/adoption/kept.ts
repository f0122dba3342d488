/** Guests that were imported: their hardware is what their definition in libvirt says, and Gantry writes none. */
import { waitingChanges } from '@gantry/guest';
import type { Domain } from '@gantry/libvirt';
import { err, type GuestComparison, type GuestSpec } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { isAlive } from '../libvirt-names.ts';
import { lookAt, refuseOlder } from '../look.ts';
import type { StartParts } from '../start-parts.ts';
import { below, filesOf } from './disk-files.ts';
import { findDomain, WITH_SECRETS } from './find.ts';
import { setMark } from './mark.ts';

/**
 * Ends when libvirt has its definition, with the mark of this binding; undefined when it runs. One that was undefined
 * by hand is defined again as it was known last.
 * @throws GantryError `guest_refused`
 */
export async function readyKept(
  spec: GuestSpec,
  parts: StartParts,
  log: Logger,
): Promise<Domain | undefined> {
  const { lv, member, directory } = parts;
  const { instance } = spec;
  const known = await lookAt(lv, instance, member);
  if (known) refuseOlder(known, spec.epoch);
  if (known && isAlive(known.state)) return undefined;
  const record = await directory.readRecord(instance);
  if (!known) {
    if (record?.asked === undefined)
      throw err('guest_refused', { why: 'its definition in libvirt is gone, and no copy of it is left' });
    await lv.domainDefineXmlFlags({ xml: record.asked });
    log('warn', `${spec.input.name} was undefined by hand: it is defined again as it was known last`);
  }
  const found = await findDomain(lv, instance);
  if (!found) throw err('guest_refused', { why: 'its definition in libvirt is gone' });
  const ours = await below(parts.stateDir, await filesOf(found.definition));
  if (ours[0] !== undefined)
    throw err('guest_refused', {
      why: `its definition names ${ours[0]}, which is in a folder of Gantry’s own`,
    });
  await directory.prepare(instance, parts.capabilities.qemu.gid);
  const { dom, facts, state } = found;
  const { cluster } = member;
  const mark = { kept: { autostart: false }, ...facts.identity };
  await setMark(lv, dom, state, { ...mark, cluster, instance, epoch: spec.epoch, name: spec.input.name });
  const asked = await lv.domainGetXmlDesc({ dom, flags: WITH_SECRETS });
  await directory.writeRecord(instance, { ...record, explanation: [], asked });
  if (await lv.domainGetAutostart({ dom })) await lv.domainSetAutostart({ dom, autostart: false });
  return dom;
}

/** What its next start changes, because its definition says another thing than what runs. */
export async function compareKept(spec: GuestSpec, { lv, member }: StartParts): Promise<GuestComparison> {
  const { instance, input } = spec;
  if (!(await lookAt(lv, instance, member)))
    throw err('not_found', { kind: 'definition of guest', name: input.name });
  const found = await findDomain(lv, instance);
  if (!found || !isAlive(found.state)) return { compared: 'definition', differences: [] };
  const differences = waitingChanges(found.present, found.definition).map(({ path, now, next }) => ({
    path,
    change:
      next === undefined
        ? ('removed' as const)
        : now === undefined
          ? ('added' as const)
          : ('changed' as const),
    cause: 'foreign' as const,
    ...(now === undefined ? {} : { now }),
    ...(next === undefined ? {} : { wanted: next }),
    rule: 'its definition in libvirt says so',
    applies: 'next-start' as const,
    why: 'its hardware is what its definition says when it starts',
  }));
  return { compared: 'running', differences };
}
