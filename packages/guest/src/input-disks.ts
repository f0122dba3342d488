/** An instance’s disks and its seed, with their places in the guest. */
import type { GuestDisk, GuestInput } from '@gantry/model';
import { type DiskBus, deviceName } from './elements/disk.ts';
import type { HostContext } from './host-context.ts';
import { atRescuePlace } from './input-rescue.ts';
import { iotuneOf } from './limits.ts';
import { builtin, type Decided, decided, origin } from './origin.ts';
import { refused } from './refusal.ts';
import { diskBusFrom, SEED_SERIAL, SERIAL_LENGTH, serialOf } from './specs/disk.ts';
import type { Settings } from './specs/settings.ts';
import type { DiskPlan, MachinePlan } from './wanted.ts';

/** On virtio the seed comes after every disk that may be added later: the guest numbers disks by their order. */
const SEED_INDEX = 25;

/** An IDE machine has two channels with two drives each. */
const MOST_IDE = 4;

export function disksFromInput(
  settings: Settings,
  input: GuestInput,
  machine: MachinePlan,
  host: HostContext,
): DiskPlan[] {
  const bus = diskBusFrom(settings);
  checkDisks(input.disks, bus.value, host.seedIso !== undefined);
  const plans = input.disks.map((entry, position) => dataDisk(settings, entry, position, bus, host));
  const disks = plans.map((plan, position) => {
    const { rescue } = input.disks[position] ?? {};
    if (!rescue) return plan;
    const others = plans.filter((other) => other !== plan);
    return atRescuePlace(plan, rescue, others, { settings, machine });
  });
  const next = 1 + Math.max(-1, ...input.disks.map(({ index }, position) => index ?? position));
  return host.seedIso === undefined ? disks : [...disks, seedDisk(host.seedIso, bus, next)];
}

function dataDisk(
  { profile }: Settings,
  entry: GuestDisk,
  position: number,
  general: Decided<DiskBus>,
  host: HostContext,
): DiskPlan {
  const index = entry.index ?? position;
  const { device = {} } = entry;
  const bus = device.bus ? own(device.bus, index, 'bus') : general;
  const file = Object.hasOwn(host.disks, entry.id) ? host.disks[entry.id] : undefined;
  if (!file) throw refused(`disk ${entry.id} is not on this node`);
  return {
    device: 'disk',
    source: { type: 'file', path: file.path },
    format: file.format,
    driverName: 'qemu',
    bus,
    name: deviceName(bus.value, index),
    local: true,
    ...(profile.diskSerial ? { serial: serialOf(entry.id) } : {}),
    index,
    ...(device.readOnly ? { readOnly: true } : {}),
    ...(device.cache ? { ownCache: own(device.cache, index, 'cache') } : {}),
    ...(device.limits ? { ownLimits: own(iotuneOf(device.limits), index, 'limits') } : {}),
    origin: origin('instance', `disks[${index}]`, `disk ${entry.id}, serial number from its id`),
  };
}

const own = <T>(value: T, index: number, what: string): Decided<T> =>
  decided(value, origin('instance', `disks[${index}].${what}`, `set for disk ${index} of the instance`));

/** On the bus of the disks: the image’s kernel must be able to read it. */
const seedDisk = (path: string, bus: Decided<DiskBus>, disks: number): DiskPlan => ({
  device: 'disk',
  source: { type: 'file', path },
  format: 'raw',
  driverName: 'qemu',
  bus,
  name: deviceName(bus.value, bus.value === 'virtio' ? SEED_INDEX : disks),
  local: false,
  serial: SEED_SERIAL,
  readOnly: true,
  cache: decided('writeback', builtin('seed', 'small, read once, never written')),
  origin: origin('image', 'cloudInit', 'the image reads a NoCloud seed: host name, keys, network'),
});

/** @throws GantryError `guest_refused` */
function checkDisks(disks: readonly GuestDisk[], bus: DiskBus, seed: boolean): void {
  const total = disks.length + (seed ? 1 : 0);
  if (bus === 'fdc') throw refused('hw_disk_bus=fdc is for floppy disks; use virtio or sata');
  if (bus === 'ide' && total > MOST_IDE)
    throw refused(`it has ${total} disks, and hw_disk_bus=ide has room for ${MOST_IDE}`);
  const serials = new Set(disks.map((d) => serialOf(d.id)));
  if (serials.size < disks.length)
    throw refused(
      `two of its disks have ids that agree in their first ${SERIAL_LENGTH} characters, so the guest could not tell them apart`,
    );
}
