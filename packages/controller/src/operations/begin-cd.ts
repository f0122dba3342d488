/** attach, detach, insert and eject of CD drives: what each writes when it begins. */
import { cdBusOf, checkCombination } from '@gantry/guest';
import {
  type AttachCd,
  type CdDrive,
  err,
  type Guest,
  type GuestCd,
  type ImageId,
  type InsertCd,
  type Instance,
  MOST_CDS,
  type OperationKind,
  type Step,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf, requireStillFits } from './begin-actions.ts';
import { type CdOrder, cdSteps } from './cd-devices.ts';
import { DETACH_DEADLINE_MS } from './disk-detach.ts';
import { theCluster } from './guest-spec.ts';
import { ensureMedia, guestCds, isoImage, requireCds } from './media.ts';
import { withDevices } from './plug.ts';

interface Wishes {
  deadlineMs?: number | undefined;
  reason?: string | undefined;
}

const steps = (names: object): Step[] =>
  Object.values(names).map((name) => ({ name: String(name), state: 'waiting' }));

const drivesOf = ({ spec }: Instance): CdDrive[] => spec.cds ?? [];
const boundTo = ({ spec }: Guest): GuestCd[] => spec.input.cds ?? [];

/** @throws GantryError `not_found` */
export function driveAt(instance: Instance, slot: number): CdDrive {
  const drive = drivesOf(instance).find((one) => one.slot === slot);
  if (!drive) throw err('not_found', { kind: 'CD drive', name: `${instance.name}:${slot}` });
  return drive;
}

/** No QEMU of it runs, and the next one is made by what the binding says. */
const isDown = ({ status }: Instance): boolean => !['running', 'paused'].includes(status.state);

/** @throws GantryError `invalid_argument` where it has as many as it may, `settings_refused`, `guest_refused` */
export async function beginAttachCd(
  asking: Asking,
  instance: Instance,
  body: AttachCd,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const image = body.image === undefined ? undefined : await isoImage(asking, body.image);
  const slot = freeSlot(instance, guest);
  const drive: CdDrive = {
    slot,
    ...(body.bus ? { bus: body.bus } : {}),
    ...(image ? { image: image.id as ImageId } : {}),
  };
  const live = isDown(instance) || cdBusOf(guest.spec.input, drive.bus) === 'scsi';
  const begun = await beginCd(asking, instance, guest, {
    kind: 'cd.attach',
    drives: bySlot([...drivesOf(instance), drive]),
    order: { slot, live, before: {} },
    plug: { do: 'attach', cd: slot },
    wishes: body,
  });
  const holds = image ? ` with ${image.name} in it` : '';
  const when = isDown(instance) ? 'its next start has it' : live ? 'plugged in now' : atStart;
  return { ...begun, plan: [`give ${instance.name} CD drive ${slot}${holds}: ${when}`] };
}

const atStart = 'at its next start: only on SCSI drives come and go while a guest runs';

function freeSlot(instance: Instance, guest: Guest): number {
  const taken = new Set([...drivesOf(instance), ...boundTo(guest)].map(({ slot }) => slot));
  for (let slot = 0; slot < MOST_CDS; slot++) if (!taken.has(slot)) return slot;
  throw err('invalid_argument', {
    what: `a further CD drive of ${instance.name}`,
    wanted: `possible: it has ${MOST_CDS}, or one that is gone only at its next start`,
  });
}

export async function beginDetachCd(
  asking: Asking,
  instance: Instance,
  slot: number,
  wishes: Wishes,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const drive = driveAt(instance, slot);
  const entry = boundTo(guest).find((one) => one.slot === slot);
  const scsi = entry !== undefined && cdBusOf(guest.spec.input, entry.bus) === 'scsi';
  const live = isDown(instance) || scsi;
  const begun = await beginCd(asking, instance, guest, {
    kind: 'cd.detach',
    drives: drivesOf(instance).filter((one) => one.slot !== slot),
    order: { slot, live, before: { drive, ...(entry ? { entry } : {}) } },
    plug: { do: 'detach', cd: slot },
    wishes: { ...wishes, deadlineMs: wishes.deadlineMs ?? DETACH_DEADLINE_MS },
  });
  const when = isDown(instance) ? '' : live ? ', as soon as its guest gives it up' : `: ${atStart}`;
  return { ...begun, plan: [`take CD drive ${slot} from ${instance.name}${when}`] };
}

/** @throws GantryError `cd_occupied` */
export async function beginInsertCd(
  asking: Asking,
  instance: Instance,
  slot: number,
  body: InsertCd,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const drive = driveAt(instance, slot);
  const image = await isoImage(asking, body.image);
  if (drive.image && drive.image !== image.id) {
    const holds = (await asking.app.store.get('image', drive.image))?.name ?? drive.image;
    throw err('cd_occupied', { cd: slot, name: instance.name, holds });
  }
  const wanted: CdDrive = { ...drive, image: image.id as ImageId };
  const begun = await beginMedium(asking, instance, guest, 'cd.insert', wanted, body);
  return {
    ...begun,
    plan: [`put ${image.name} into CD drive ${slot} of ${instance.name}${whenOf(instance)}`],
  };
}

export async function beginEjectCd(
  asking: Asking,
  instance: Instance,
  slot: number,
  wishes: Wishes & { force?: boolean | undefined },
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const { image: _, ...wanted } = driveAt(instance, slot);
  const deadlineMs = wishes.deadlineMs ?? DETACH_DEADLINE_MS;
  const begun = await beginMedium(asking, instance, guest, 'cd.eject', wanted, { ...wishes, deadlineMs });
  return { ...begun, plan: [`empty CD drive ${slot} of ${instance.name}${whenOf(instance)}`] };
}

const whenOf = (instance: Instance): string =>
  isDown(instance) ? '' : ', as soon as its guest lets the tray open';

async function beginMedium(
  asking: Asking,
  instance: Instance,
  guest: Guest,
  kind: 'cd.insert' | 'cd.eject',
  wanted: CdDrive,
  { force, ...wishes }: Wishes & { force?: boolean | undefined },
): Promise<Omit<BegunAction, 'plan'>> {
  const { slot } = wanted;
  const drive = driveAt(instance, slot);
  const entry = boundTo(guest).find((one) => one.slot === slot);
  return beginCd(asking, instance, guest, {
    kind,
    drives: drivesOf(instance).map((one) => (one.slot === slot ? wanted : one)),
    // a drive that its next start brings holds it then
    order: { slot, live: entry !== undefined, before: { drive, ...(entry ? { entry } : {}) } },
    plug: { do: 'update', cd: slot, ...(force ? { force } : {}) },
    wishes,
  });
}

interface Change {
  kind: OperationKind & keyof typeof cdSteps;
  /** All of the instance, afterwards. */
  drives: CdDrive[];
  order: CdOrder;
  plug: { do: 'attach' | 'detach' | 'update'; cd: number; force?: true };
  wishes: Wishes;
}

/** The instance says at once what it is to have; its binding where its guest gets it now. */
async function beginCd(
  asking: Asking,
  instance: Instance,
  guest: Guest,
  { kind, drives, order, plug, wishes }: Change,
): Promise<Omit<BegunAction, 'plan'>> {
  const { app } = asking;
  await requireCds(asking, guest.spec.node);
  const input = { ...guest.spec.input, cds: await guestCds(app.store, drives) };
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const what = { kind, steps: steps(cdSteps[kind]), input: order, state: instance.status.state };
  const { draft, operation, marked } = await begin(asking, instance, what, wishes);
  draft.put(withSpec(marked, { cds: drives }));
  if (kind === 'cd.attach' || kind === 'cd.insert')
    await ensureMedia(app, draft, input.cds, { cluster: await theCluster(app.store), node: guest.spec.node });
  if (!order.live) draft.relyOn(guest);
  else if (kind === 'cd.detach' && !isDown(instance)) draft.put(withDevices(guest, operation, { plug }));
  else {
    const cds = isDown(instance) ? input.cds : merged(guest, input.cds, order.slot);
    draft.put(withDevices(guest, operation, { cds, ...(isDown(instance) ? {} : { plug }) }));
  }
  return { draft, operation };
}

/** Of a guest that runs only this one drive changes; others wait for its next start. */
const merged = (guest: Guest, wanted: readonly GuestCd[], slot: number): GuestCd[] =>
  bySlot([
    ...boundTo(guest).filter((one) => one.slot !== slot),
    ...wanted.filter((one) => one.slot === slot),
  ]);

const bySlot = <T extends { slot: number }>(drives: readonly T[]): T[] =>
  drives.toSorted((a, b) => a.slot - b.slot);
