/** Disk plans to disks: cache, limits, numbering. Where a disk goes is decided before: from-input.ts, render/. */

import type { GuestDisk } from '@gantry/model';
import type { CacheMode } from '../elements/disk.ts';
import { type Disk, type DiskBus, disk, diskDriver, diskTarget } from '../elements/disk.ts';
import { type Iotune, type IotuneLimit, iotune, iotuneLimits } from '../elements/iotune.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { invalid, refused } from '../refusal.ts';
import type { DiskPlan, Wanted } from '../wanted.ts';
import { fromPolicy } from './policy.ts';
import { because, integerOf, type Settings, wordOf } from './settings.ts';
import { virtioFrom } from './virtio.ts';

/** virtio-blk shows the guest no more of a serial number (VIRTIO_BLK_ID_BYTES). */
export const SERIAL_LENGTH = 20;

export const serialOf = (diskId: string): string => diskId.slice(0, SERIAL_LENGTH);

export function diskBusFrom(settings: Settings): Decided<DiskBus> {
  const image = wordOf<DiskBus>(settings, 'image', 'hw_disk_bus');
  return image
    ? because(image, 'the image decides')
    : decided('virtio', builtin('hw_disk_bus', 'the fastest bus that every current system knows'));
}

/** Of the disk that is booted. */
export const firstBus = (settings: Settings, disks: readonly GuestDisk[]): DiskBus =>
  disks[0]?.device?.bus ?? diskBusFrom(settings).value;

export function disksFrom(wanted: Wanted): Disk[] {
  const threads = threadsOf(wanted);
  return wanted.disks.map((plan) => diskFrom(plan, wanted, threads.get(plan)));
}

/** Numbered by the disks’ places, so that they stay while disks come and go. A seed is read once and needs none. */
export function threadsOf({ disks, settings }: Pick<Wanted, 'disks' | 'settings'>): Map<DiskPlan, number> {
  const own = (plan: DiskPlan) =>
    settings.profile.ioThreadPerDisk && plan.bus.value === 'virtio' && plan.serial !== SEED_SERIAL;
  return new Map(disks.filter(own).map((plan, position) => [plan, 1 + (plan.index ?? position)]));
}

export const SEED_SERIAL = 'gantry-seed';

function diskFrom(plan: DiskPlan, wanted: Wanted, ioThread: number | undefined): Disk {
  checkKind(plan);
  const { bus, name, source, serial, blockSize, bootOrder, bootOrigin, scsiUnit, drive } = plan;
  const limits = limitsOf(plan, wanted.settings);
  return disk({
    device: plan.device,
    source,
    driver: driverFrom(plan, wanted, ioThread),
    target: diskTarget({ device: name, bus: bus.value, origin: bus.origin }),
    ...(serial === undefined ? {} : { serial }),
    ...(limits ? { iotune: limits } : {}),
    ...(blockSize ? { blockSize } : {}),
    readOnly: plan.readOnly ?? false,
    ...(plan.shareable ? { shareable: true } : {}),
    ...(bootOrder === undefined ? {} : { bootOrder }),
    ...(bootOrigin ? { bootOrigin } : {}),
    ...(scsiUnit === undefined ? {} : { scsiUnit }),
    ...(drive ? { drive } : {}),
    origin: plan.origin,
  });
}

/** What libvirt would refuse in words that name no setting. */
function checkKind({ device, bus, serial, name }: DiskPlan): void {
  if (device === 'cdrom' && bus.value === 'virtio')
    throw refused(`${name} is a CD-ROM drive, which a virtio bus has not; set hw_cdrom_bus=scsi or sata`);
  if (device === 'lun' && serial !== undefined)
    throw refused(
      `${name} passes SCSI commands through and shows its own serial number; attach the volume as a disk`,
    );
}

function driverFrom(plan: DiskPlan, wanted: Wanted, ioThread: number | undefined) {
  const cache = cacheFrom(plan, wanted);
  const discard = plan.discard ?? (plan.local ? wanted.node.discard : undefined);
  const direct = cache.value === 'none' || cache.value === 'directsync';
  return diskDriver({
    ...(plan.driverName ? { name: plan.driverName } : {}),
    ...(plan.source.type === 'none' ? {} : { format: plan.format }),
    cache: cache.value,
    ...(discard ? { discard } : {}),
    // QEMU refuses native I/O where the host’s page cache is used.
    ...(plan.nativeIo ? { io: direct ? 'native' : 'threads' } : {}),
    ...(ioThread === undefined ? {} : { ioThread }),
    ...virtioFrom(wanted, plan.bus.value === 'virtio'),
    origin: cache.origin,
  });
}

/** Shared disks are never cached; then policy, node, the plan’s own, and what the file system allows. */
function cacheFrom(plan: DiskPlan, { settings, node, host }: Wanted): Decided<CacheMode> {
  if (plan.shareable)
    return decided('none', builtin('diskCache', 'other guests must see each write at once'));
  if (plan.ownCache) return plan.ownCache;
  const { diskCache } = settings.policy;
  if (diskCache && plan.local && !plan.readOnly)
    return fromPolicy('diskCache', diskCache, 'as the policy says');
  const ofNode = node.cacheModes[plan.source.type];
  if (ofNode) return decided(ofNode, origin('host', 'cacheModes', 'as the node is configured'));
  if (plan.cache) return plan.cache;
  const { direct, buffered } = settings.profile.cache;
  return host.directIo
    ? decided(direct, builtin('diskCache', 'the host does not keep a second copy of what the guest caches'))
    : decided(buffered, builtin('diskCache', 'the file system of the disk refuses O_DIRECT'));
}

function limitsOf(plan: DiskPlan, settings: Settings): Iotune | undefined {
  if (plan.ownLimits) return iotune({ limits: plan.ownLimits.value, origin: plan.ownLimits.origin });
  const limits = plan.limits ?? (plan.local ? quotaOf(settings) : undefined);
  if (!limits || Object.keys(limits).length === 0) return undefined;
  const by = plan.limits
    ? origin('instance', 'volume', 'limits of the volume’s type')
    : origin('flavor', 'quota:disk', 'limits of the flavor, for each disk by itself');
  return iotune({ limits, origin: by });
}

function quotaOf(settings: Settings): { [K in IotuneLimit]?: number } {
  const limits: { [K in IotuneLimit]?: number } = {};
  for (const name of iotuneLimits) {
    const found = integerOf(settings, 'flavor', `quota:disk_${name}`);
    if (found) limits[name] = found.value;
  }
  return limits;
}

/**
 * libvirt refuses a total limit beside one of reads or writes.
 * @throws GantryError `invalid_property`
 */
export function checkDiskQuota(settings: Settings): void {
  const limits = quotaOf(settings);
  for (const what of ['bytes', 'iops'] as const) {
    const total = limits[`total_${what}_sec`];
    if (total && (limits[`read_${what}_sec`] || limits[`write_${what}_sec`]))
      throw invalid(
        `quota:disk_total_${what}_sec`,
        String(total),
        `set it, or quota:disk_read_${what}_sec and quota:disk_write_${what}_sec, not both`,
      );
  }
}
