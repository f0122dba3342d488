/** An instance’s CD drives, with their places in the guest. */
import { type CdBus, type GuestCd, type GuestInput, MOST_CDS } from '@gantry/model';
import { type DiskBus, deviceName, deviceNumber } from './elements/disk.ts';
import type { HostContext } from './host-context.ts';
import { builtin, type Decided, decided, origin } from './origin.ts';
import { refused } from './refusal.ts';
import { cdBusFrom } from './specs/cd-bus.ts';
import { scsiModel } from './specs/controllers.ts';
import type { Settings } from './specs/settings.ts';
import type { DiskPlan, MachinePlan } from './wanted.ts';

/** Names of drives begin behind those of all disks that may ever be there: sdaa, sdab, ... */
const FIRST_NAME = 26;

/** libvirt’s name of a drive. */
export const cdName = (bus: DiskBus, slot: number): string => deviceName(bus, FIRST_NAME + slot);

/** The place of the drive with that name; undefined for what is no CD drive of ours. */
export function cdSlotOf(name: string): number | undefined {
  const slot = (deviceNumber(name) ?? -1) - FIRST_NAME;
  return slot >= 0 && slot < MOST_CDS ? slot : undefined;
}

/** A bus with few places for drives: how many, and how it counts them. */
const channels: Partial<Record<DiskBus, { places: number; address(place: number): DiskPlan['drive'] }>> = {
  sata: { places: 6, address: (unit) => ({ bus: 0, target: 0, unit }) },
  ide: { places: 4, address: (place) => ({ bus: place >> 1, target: 0, unit: place & 1 }) },
};

/** @throws GantryError `guest_refused` where a bus has no place left */
export function cdsFromInput(
  settings: Settings,
  input: GuestInput,
  machine: MachinePlan,
  disks: readonly DiskPlan[],
  host: Pick<HostContext, 'media'>,
): DiskPlan[] {
  const general = cdBusFrom(settings, machine);
  const plans: DiskPlan[] = [];
  for (const cd of input.cds ?? []) {
    const bus = cd.bus ? ownBus(cd.bus, cd.slot) : general;
    const drive = addressOf(bus.value, cd.slot, settings, [...disks, ...plans]);
    plans.push(planOf(cd, bus, drive, host));
  }
  return plans;
}

const ownBus = (bus: CdBus, slot: number): Decided<DiskBus> =>
  decided(bus, origin('instance', `cds[${slot}].bus`, `set for CD drive ${slot} of the instance`));

function planOf(
  { slot, media }: GuestCd,
  bus: Decided<DiskBus>,
  drive: DiskPlan['drive'],
  host: Pick<HostContext, 'media'>,
): DiskPlan {
  const path = media && host.media?.[media.sha256];
  if (media && path === undefined) throw refused(`the image in its CD drive ${slot} is not on this node`);
  const holds = media ? `image ${media.image} lies in it` : 'it is empty';
  return {
    device: 'cdrom',
    source: path === undefined ? { type: 'none' } : { type: 'file', path },
    format: 'raw',
    driverName: 'qemu',
    bus,
    name: cdName(bus.value, slot),
    local: false,
    readOnly: true,
    cache: decided('writeback', builtin('cds', 'only read, and the node’s page cache serves all its guests')),
    ...(drive ? { drive } : {}),
    origin: origin('instance', `cds[${slot}]`, `CD drive ${slot} of the instance: ${holds}`),
  };
}

/** libvirt would count by the name, and make controllers up to it. */
function addressOf(
  bus: DiskBus,
  slot: number,
  settings: Settings,
  others: readonly DiskPlan[],
): DiskPlan['drive'] {
  // The disks are units of target 0 there.
  if (bus === 'scsi')
    return scsiModel(settings, true)?.value === 'virtio-scsi'
      ? { bus: 0, target: slot + 1, unit: 0 }
      : undefined;
  const channel = channels[bus];
  if (!channel) return undefined;
  const taken = new Set(others.filter((plan) => plan.bus.value === bus).map(placeOf(bus)));
  // From the end, so that disks find the places where they always were.
  for (let place = channel.places - 1; place >= 0; place--)
    if (!taken.has(place)) return channel.address(place);
  throw refused(
    `its ${channel.places} places for drives on ${bus} are taken; set hw_cdrom_bus=scsi, or fewer disks there`,
  );
}

/** Where libvirt puts a disk by its name; a drive says it. */
const placeOf =
  (bus: DiskBus) =>
  ({ name, drive }: DiskPlan): number =>
    drive ? (bus === 'ide' ? drive.bus * 2 + drive.unit : drive.unit) : (deviceNumber(name) ?? 0);
