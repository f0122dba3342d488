/** How Linux in the guest names disks. */
import { type DiskBus, deviceName } from '../elements/disk.ts';

/** The first disk on that bus. */
export const firstDisk = (bus: DiskBus): string =>
  `/dev/${deviceName(bus === 'virtio' ? 'virtio' : 'scsi', 0)}`;
