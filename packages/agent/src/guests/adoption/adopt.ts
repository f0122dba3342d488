/**
 * Taking a foreign domain under management, and giving it back. Its mark says whose it is: all before it is written
 * leaves a foreign domain, and all after it one of ours; each step may be repeated.
 */
import { type Identity, markedText, parseXml } from '@gantry/guest';
import { err, type GuestSpec } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import type { GuestDirectory } from '../directory.ts';
import { refuseOlder } from '../look.ts';
import type { StopParts } from '../stop.ts';
import { digestOf, findDomain, WITH_SECRETS } from './find.ts';
import { removeMark, setMark } from './mark.ts';

export interface AdoptParts extends StopParts {
  directory: GuestDirectory;
  /** Who may write into the guest's own folder. */
  qemuGid: number;
}

/** Ends when the domain bears this binding's mark. @throws GantryError `not_adoptable` */
export async function adoptDomain(spec: GuestSpec, parts: AdoptParts, log: Logger): Promise<void> {
  const { session, directory, member, qemuGid } = parts;
  const lv = await session.client();
  const { instance, adopt, input } = spec;
  const refuse = (why: string) => err('not_adoptable', { name: instance, node: member.node, why });
  const found = await findDomain(lv, instance);
  if (!found || !adopt) throw refuse('it is not there any more');
  const { dom, state, facts, definition } = found;
  const mark = facts.identity;
  if (mark?.instance === instance && mark.cluster !== member.cluster)
    throw refuse(`it belongs to cluster ${mark.cluster}`);
  if (!(await lv.domainIsPersistent({ dom }))) throw refuse('it has become transient');
  if (digestOf(definition) !== adopt.definition)
    throw refuse('its definition was changed since the import was asked for');
  const identity: Identity = {
    cluster: member.cluster,
    instance,
    epoch: spec.epoch,
    name: input.name,
    kept: { autostart: adopt.autostart },
  };
  await directory.prepare(instance, qemuGid);
  const whole = parseXml(await lv.domainGetXmlDesc({ dom, flags: WITH_SECRETS }));
  await directory.writeRecord(instance, { explanation: [], asked: markedText(whole, identity) });
  // what starts when belongs to the controller and its epochs; before the mark, which says that all is done
  if (adopt.autostart) await lv.domainSetAutostart({ dom, autostart: false });
  await setMark(lv, dom, state, identity);
  log('info', `domain ${dom.name} is managed from now on, and was not touched otherwise`);
}

/** Ends when the domain bears no mark and nothing of Gantry's own is left. One that is gone or foreign is done already. */
export async function releaseDomain(
  { instance, epoch, adopt }: Pick<GuestSpec, 'instance' | 'epoch' | 'adopt'>,
  { session, directory, member }: Omit<AdoptParts, 'qemuGid'>,
  log: Logger,
): Promise<void> {
  const lv = await session.client();
  const found = await findDomain(lv, instance);
  const mark = found?.facts.identity;
  // killed before the mark was written, its autostart may be gone already
  if (found && !mark && adopt?.autostart && (await directory.readRecord(instance)))
    await lv.domainSetAutostart({ dom: found.dom, autostart: true });
  if (found && mark?.cluster === member.cluster && mark.instance === instance) {
    refuseOlder(found, epoch);
    if (mark.kept?.autostart) await lv.domainSetAutostart({ dom: found.dom, autostart: true });
    await removeMark(lv, found.dom, found.state);
    log('info', `domain ${found.dom.name} is not managed any more, and goes on as it is`);
  }
  await directory.remove(instance);
}
