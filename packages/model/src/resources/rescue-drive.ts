/** A rescue disk that leaves the instance's own disks in their places: Nova's stable device rescue. */
import { oneOf, optional, type Static, strict } from '../schema.ts';

export const rescueDevices = ['disk', 'cdrom'] as const;
export const rescueBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const;

export const RescueDrive = strict(
  {
    device: oneOf(rescueDevices, '`cdrom`: it cannot be written'),
    bus: optional(oneOf(rescueBuses, 'without: that of the instance’s disks, or of its CD drives')),
  },
  { description: 'the instance’s own disks keep their places, and this one comes behind them and is booted' },
);
export type RescueDrive = Static<typeof RescueDrive>;
