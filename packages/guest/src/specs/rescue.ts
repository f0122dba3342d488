/** hw_rescue_device, hw_rescue_bus: properties of the image that a guest is rescued with. */
import type { RescueDrive } from '@gantry/model';
import { gantryProfile } from '../profiles.ts';
import { invalid } from '../refusal.ts';
import { readSettings, type Settings, wordOf } from './settings.ts';

/**
 * How a guest is given a disk of an image with those properties to boot from; undefined: in the place of its first disk.
 * @throws GantryError `invalid_property`
 */
export function rescueDriveOf(properties: Readonly<Record<string, string>>): RescueDrive | undefined {
  const settings = readSettings({ extraSpecs: {}, imageProperties: properties, policies: [] }, gantryProfile);
  checkRescue(settings);
  const device = wordOf<RescueDrive['device']>(settings, 'image', 'hw_rescue_device')?.value;
  const bus = wordOf<NonNullable<RescueDrive['bus']>>(settings, 'image', 'hw_rescue_bus')?.value;
  if (!device && !bus) return undefined;
  return { device: device ?? 'disk', ...(bus ? { bus } : {}) };
}

const notMade: Readonly<Record<string, string>> = {
  floppy: 'guests have no floppy drives; use disk or cdrom',
  lun: 'it passes SCSI commands on to a device of the host, and a rescue disk is a file; use disk or cdrom',
};

/** @throws GantryError `invalid_property` for what libvirt would refuse */
export function checkRescue(settings: Settings): void {
  if (!settings.profile.refuseIneffective) return;
  const device = wordOf<string>(settings, 'image', 'hw_rescue_device')?.value ?? 'disk';
  const bus = wordOf<string>(settings, 'image', 'hw_rescue_bus')?.value;
  const why = notMade[device];
  if (why) throw invalid('hw_rescue_device', device, why);
  if (bus === 'fdc')
    throw invalid('hw_rescue_bus', bus, 'it is for floppy drives; use virtio, scsi, sata, ide or usb');
  if (bus === 'virtio' && device === 'cdrom')
    throw invalid('hw_rescue_bus', bus, 'there are no CD drives on it; use sata, scsi, ide or usb');
}
