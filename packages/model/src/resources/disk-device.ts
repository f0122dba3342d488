/** How a guest sees one of its disks, and how QEMU treats it there. Ends with the attachment; the bytes know nothing of it. */
import { oneOf, optional, positive, type Static, strict, Type } from '../schema.ts';

export const attachBuses = ['virtio', 'scsi', 'sata'] as const;
export type AttachBus = (typeof attachBuses)[number];

/** Buses of which QEMU takes and gives up a disk while the guest runs; not SATA and IDE. */
export const isPluggable = (bus: string): boolean => ['virtio', 'scsi', 'usb'].includes(bus);

export const diskCaches = ['none', 'writeback', 'writethrough', 'directsync', 'unsafe'] as const;

const PETA = 10 ** 15;

/** Bytes and operations per second. libvirt refuses a total beside one of reads or writes. */
export const DiskLimits = strict({
  totalBytes: optional(positive('bytes read and written per second', PETA)),
  readBytes: optional(positive('bytes read per second', PETA)),
  writeBytes: optional(positive('bytes written per second', PETA)),
  totalIops: optional(positive('reads and writes per second', 10 ** 9)),
  readIops: optional(positive('reads per second', 10 ** 9)),
  writeIops: optional(positive('writes per second', 10 ** 9)),
});
export type DiskLimits = Static<typeof DiskLimits>;
export const diskLimitNames = Object.keys(DiskLimits.properties) as (keyof DiskLimits)[];

export const DiskDevice = strict({
  bus: optional(oneOf(attachBuses, 'default: hw_disk_bus of the image, else virtio')),
  cache: optional(oneOf(diskCaches, 'default: as the policy and the node say')),
  readOnly: optional(Type.Boolean({ description: 'the guest cannot write it' })),
  limits: optional(DiskLimits),
});
export type DiskDevice = Static<typeof DiskDevice>;
