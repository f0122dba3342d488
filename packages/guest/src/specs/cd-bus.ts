/** hw_cdrom_bus: where CD drives are. */
import type { DiskBus } from '../elements/disk.ts';
import { builtin, type Decided, decided } from '../origin.ts';
import { invalid } from '../refusal.ts';
import type { MachinePlan } from '../wanted.ts';
import { because, type Settings, wordOf } from './settings.ts';

/** The image’s word, else what the machine has. */
export function cdBusFrom(
  settings: Settings,
  machine: Pick<MachinePlan, 'imageArchitecture' | 'type'>,
): Decided<DiskBus> {
  const image = wordOf<DiskBus>(settings, 'image', 'hw_cdrom_bus');
  return image ? because(image, 'the image decides') : usualCdBus(machine);
}

export function usualCdBus({
  imageArchitecture,
  type,
}: Pick<MachinePlan, 'imageArchitecture' | 'type'>): Decided<DiskBus> {
  const usual = (bus: DiskBus, why: string) => decided(bus, builtin('hw_cdrom_bus', why));
  if (scsiCdroms.has(imageArchitecture)) return usual('scsi', `what machines of ${imageArchitecture} have`);
  return type.value.includes('q35')
    ? usual('sata', 'a q35 machine has no IDE')
    : usual('ide', 'what every system can boot from on this machine');
}

const scsiCdroms = new Set(['ppc', 'ppc64', 'ppcle', 'ppc64le', 's390', 's390x', 'aarch64']);

/** Nova writes a drive on virtio, and libvirt refuses the guest. @throws GantryError `invalid_property` */
export function checkCdBus(settings: Settings, machine: string | undefined): void {
  const bus = wordOf<DiskBus>(settings, 'image', 'hw_cdrom_bus');
  if (!bus || !settings.profile.refuseIneffective) return;
  if (bus.value === 'virtio' || bus.value === 'fdc')
    throw invalid('hw_cdrom_bus', bus.value, 'there are no CD drives on it; use sata, scsi, ide or usb');
  if (bus.value === 'ide' && machine !== undefined && /^(pc-)?q35/.test(machine))
    throw invalid(
      'hw_cdrom_bus',
      'ide',
      `a ${machine} machine has no IDE; use sata or scsi`,
      'UnsupportedHardware',
    );
}
