/** A layout’s places to disk plans: sources by image backend or volume driver, SCSI units. */
import { origin } from '../origin.ts';
import { scsiModel } from '../specs/controllers.ts';
import type { Settings } from '../specs/settings.ts';
import type { DiskPlan } from '../wanted.ts';
import type { DiskLayout, DiskPlace, LocalPlace } from './disk-layout.ts';
import { localSource } from './local-disk.ts';
import type { Options } from './options.ts';
import { volumePlan } from './volumes.ts';

export const placed = (place: DiskPlace) => ({
  device: place.device,
  bus: place.bus,
  name: place.name,
});

/** virtio-scsi disks are numbered explicitly: root 0, then in order. */
class Units {
  #next: number;
  readonly #on: boolean;

  constructor(on: boolean, rootIsVolume: boolean) {
    this.#on = on;
    this.#next = rootIsVolume ? 1 : 0;
  }

  local({ bus }: DiskPlace): { scsiUnit?: number } {
    return this.#on && bus.value === 'scsi' ? { scsiUnit: this.#next++ } : {};
  }

  /** Volumes on other buses count too, as in Nova. */
  volume({ bus }: DiskPlace, isRoot: boolean): { scsiUnit?: number } {
    if (!this.#on) return {};
    const unit = isRoot ? 0 : this.#next++;
    return bus.value === 'scsi' ? { scsiUnit: unit } : {};
  }
}

export function diskPlans(
  layout: DiskLayout,
  folder: string,
  settings: Settings,
  options: Options,
): DiskPlan[] {
  const rootIsVolume = layout.volumes.some(({ volume }) => volume.boot_index === 0);
  const numbered = settings.profile.scsiUnits && scsiModel(settings, false)?.value === 'virtio-scsi';
  const units = new Units(numbered, rootIsVolume);
  const local = (place: LocalPlace): DiskPlan => ({
    ...placed(place),
    ...localSource(place.role, folder, options),
    local: true,
    ...units.local(place),
    origin: origin('flavor', place.role, roles[place.role] ?? 'a disk of the instance'),
  });
  const plans = [
    ...layout.local.map(local),
    ...layout.volumes.map((place) => ({
      ...volumePlan(place.volume, placed(place), options),
      ...units.volume(place, place.volume.boot_index === 0),
    })),
  ];
  return layout.rescueLast ? [...plans, { ...local(layout.rescueLast), bootOrder: 1 }] : plans;
}

const roles: Readonly<Record<string, string>> = {
  disk: 'the root disk, made from the image',
  'disk.local': 'the ephemeral disk of the flavor',
  'disk.swap': 'the swap disk of the flavor',
  'disk.config': 'the config drive',
  'disk.rescue': 'the rescue disk',
};
