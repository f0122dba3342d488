/** The disk that a guest in rescue boots from, behind its own ones, which keep their places. */
import type { GuestDisk, GuestInput, RescueDrive } from '@gantry/model';
import { type DiskBus, deviceName } from './elements/disk.ts';
import { type Decided, decided, origin } from './origin.ts';
import { refused } from './refusal.ts';
import { cdBusFrom } from './specs/cd-bus.ts';
import { diskBusFrom } from './specs/disk.ts';
import type { Settings } from './specs/settings.ts';
import type { DiskPlan, MachinePlan } from './wanted.ts';

/** Places of a bus where there are few of them. */
const places: Partial<Record<DiskBus, number>> = { ide: 4, sata: 6 };

/** As the word that a boot order would name it by; undefined: not in rescue, or its rescue disk is its first. */
export function rescueWord({ disks }: Pick<GuestInput, 'disks'>): string | undefined {
  const position = disks.findIndex(({ rescue }) => rescue);
  return position < 0 ? undefined : `disk${disks[position]?.index ?? position}`;
}

/**
 * The plan of a disk in its own place, moved behind `others`.
 * @throws GantryError `guest_refused` where the machine has not that bus, or no place left there
 */
export function atRescuePlace(
  plan: DiskPlan,
  { device, bus: asked }: NonNullable<GuestDisk['rescue']>,
  others: readonly DiskPlan[],
  { settings, machine }: { settings: Settings; machine: MachinePlan },
): DiskPlan {
  const bus = busOf(device, asked, settings, machine);
  if (bus.value === 'ide' && machine.type.value.includes('q35'))
    throw refused('its rescue disk is to be on IDE, which a q35 machine has not; set hw_rescue_bus=sata');
  const { serial, ...rest } = plan;
  return {
    ...rest,
    device,
    bus,
    name: nameOf(bus.value, plan, others),
    // as other CDs: libvirt shows none
    ...(device === 'disk' && serial !== undefined ? { serial } : {}),
    ...(device === 'cdrom' ? { readOnly: true } : {}),
    origin: origin('instance', 'rescue', 'the rescue disk, behind the instance’s own disks'),
  };
}

function busOf(
  device: RescueDrive['device'],
  asked: RescueDrive['bus'],
  settings: Settings,
  machine: MachinePlan,
): Decided<DiskBus> {
  if (asked) return decided(asked, origin('image', 'hw_rescue_bus', 'the image of the rescue decides'));
  return device === 'cdrom' ? cdBusFrom(settings, machine) : diskBusFrom(settings);
}

/** On virtio by its place, which is the last; elsewhere the first free name, as a name is a place on the bus. */
function nameOf(bus: DiskBus, { name, index }: DiskPlan, others: readonly DiskPlan[]): string {
  if (bus === 'virtio') return index === undefined ? name : deviceName(bus, index);
  const taken = new Set(others.map((other) => other.name));
  const most = places[bus] ?? Number.POSITIVE_INFINITY;
  for (let number = 0; number < most; number++)
    if (!taken.has(deviceName(bus, number))) return deviceName(bus, number);
  throw refused(`its ${most} places for drives on ${bus} are taken, and its rescue disk is to be there`);
}
