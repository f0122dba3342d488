/** hw_disk_bus and diskCache to disks, and the seed. */
import { err, type GuestDisk, type GuestInput } from '@gantry/model';
import { type Controller, controller } from '../elements/controller.ts';
import {
  type CacheMode,
  type Disk,
  type DiskBus,
  deviceName,
  disk,
  diskDriver,
  diskTarget,
} from '../elements/disk.ts';
import type { HostContext } from '../host-context.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { fromPolicy } from './policy.ts';
import { because, type Settings, wordOf } from './settings.ts';

/** virtio-blk shows the guest no more of a serial number (VIRTIO_BLK_ID_BYTES). */
export const SERIAL_LENGTH = 20;

/** On virtio the seed comes after every disk that may be added later: the guest numbers disks by their order. */
const SEED_INDEX = 25;

/** An IDE machine has two channels with two drives each. */
const MOST_IDE = 4;

export const serialOf = (diskId: string): string => diskId.slice(0, SERIAL_LENGTH);

export function diskBusFrom(settings: Settings): Decided<DiskBus> {
  const image = wordOf<DiskBus>(settings, 'image', 'hw_disk_bus');
  return image
    ? because(image, 'the image decides')
    : decided('virtio', builtin('hw_disk_bus', 'the fastest bus that every current system knows'));
}

export function disksFrom(settings: Settings, input: GuestInput, host: HostContext): Disk[] {
  const bus = diskBusFrom(settings);
  const cache = cacheFrom(settings, host);
  checkDisks(input.disks, bus.value, host.seedIso !== undefined);
  const disks = input.disks.map((entry, index) => dataDisk(settings, entry, index, { bus, cache, host }));
  return host.seedIso === undefined ? disks : [...disks, seedDisk(host.seedIso, bus, disks.length)];
}

interface Common {
  bus: Decided<DiskBus>;
  cache: Decided<CacheMode>;
  host: HostContext;
}

function dataDisk(settings: Settings, entry: GuestDisk, index: number, common: Common): Disk {
  const { bus, cache, host } = common;
  const file = Object.hasOwn(host.disks, entry.id) ? host.disks[entry.id] : undefined;
  if (!file) throw err('guest_refused', { why: `disk ${entry.id} is not on this node` });
  const { discard, diskSerial } = settings.profile;
  return disk({
    path: file.path,
    driver: diskDriver({
      format: file.format,
      cache: cache.value,
      ...(discard ? { discard } : {}),
      origin: cache.origin,
    }),
    target: diskTarget({ device: deviceName(bus.value, index), bus: bus.value, origin: bus.origin }),
    ...(diskSerial ? { serial: serialOf(entry.id) } : {}),
    readOnly: false,
    origin: origin('instance', `disks[${index}]`, `disk ${entry.id}, serial number from its id`),
  });
}

/** On the bus of the disks: the image's kernel must be able to read it. */
const seedDisk = (path: string, bus: Decided<DiskBus>, disks: number): Disk =>
  disk({
    path,
    driver: diskDriver({
      format: 'raw',
      cache: 'writeback',
      origin: builtin('seed', 'small, read once, never written'),
    }),
    target: diskTarget({
      device: deviceName(bus.value, bus.value === 'virtio' ? SEED_INDEX : disks),
      bus: bus.value,
      origin: bus.origin,
    }),
    serial: 'gantry-seed',
    readOnly: true,
    origin: origin('image', 'cloudInit', 'the image reads a NoCloud seed: host name, keys, network'),
  });

function cacheFrom(settings: Settings, host: HostContext): Decided<CacheMode> {
  const { diskCache } = settings.policy;
  if (diskCache) return fromPolicy('diskCache', diskCache, 'as the policy says');
  const { direct, buffered } = settings.profile.cache;
  return host.directIo
    ? decided(direct, builtin('diskCache', 'the host does not keep a second copy of what the guest caches'))
    : decided(buffered, builtin('diskCache', 'the file system of the disk refuses O_DIRECT'));
}

/** @throws GantryError `guest_refused` */
function checkDisks(disks: readonly GuestDisk[], bus: DiskBus, seed: boolean): void {
  const total = disks.length + (seed ? 1 : 0);
  if (bus === 'ide' && total > MOST_IDE)
    throw err('guest_refused', {
      why: `it has ${total} disks, and hw_disk_bus=ide has room for ${MOST_IDE}`,
    });
  const serials = new Set(disks.map((d) => serialOf(d.id)));
  if (serials.size < disks.length)
    throw err('guest_refused', {
      why: `two of its disks have ids that agree in their first ${SERIAL_LENGTH} characters, so the guest could not tell them apart`,
    });
}

/** The controllers that the disks need and libvirt would choose otherwise. */
export function scsiControllerFrom(settings: Settings): Controller[] {
  const bus = diskBusFrom(settings);
  if (bus.value !== 'scsi') return [];
  const by = builtin('hw_scsi_model', 'libvirt’s own choice would be a controller of 1998');
  return [controller({ type: 'scsi', index: 0, model: settings.profile.scsiController, origin: by })];
}
