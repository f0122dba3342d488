/**
 * Which disks a guest of Nova has and where: root, ephemeral, swap, volumes, config drive, rescue. The order in which
 * device names are given out is Nova’s (nova/virt/libvirt/blockinfo.py, 26.2.2).
 */
import { type DiskBus, type DiskDevice, deviceName } from '../elements/disk.ts';
import type { NodeConfig } from '../node-config.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { refused } from '../refusal.ts';
import { usualCdBus } from '../specs/cd-bus.ts';
import { because, type Settings, wordOf } from '../specs/settings.ts';
import type { MachinePlan } from '../wanted.ts';
import type { CaseVolume, NovaCase } from './case.ts';
import type { Options } from './options.ts';

export interface DiskPlace {
  readonly bus: Decided<DiskBus>;
  readonly name: string;
  readonly device: DiskDevice;
  /** Position in the boot order, from 1. */
  readonly boot?: number;
}

/** A disk of the instance by Nova’s own name, such as `disk.swap`. */
export interface LocalPlace extends DiskPlace {
  readonly role: string;
}

export interface DiskLayout {
  readonly root: DiskPlace;
  readonly local: readonly LocalPlace[];
  readonly volumes: readonly (DiskPlace & { readonly volume: CaseVolume })[];
  /** Attached last, with a boot order of its own. */
  readonly rescueLast?: LocalPlace;
}

const buses: readonly string[] = ['virtio', 'scsi', 'ide', 'usb', 'fdc', 'sata'];
const devices: readonly string[] = ['disk', 'cdrom', 'floppy', 'lun'];

/** The layout while it is made: names that are taken, and by which rules the next one is found. */
class Names {
  readonly #taken = new Set<string>();
  readonly #node: NodeConfig;

  constructor(node: NodeConfig) {
    this.#node = node;
  }

  take(name: string): void {
    this.#taken.add(name);
  }

  /** The first free name on that bus. */
  next(bus: DiskBus, avoid: ReadonlySet<string> = none): string {
    const most = bus === 'ide' ? 4 : (this.#node.mostDisks ?? Number.POSITIVE_INFINITY);
    for (let index = 0; index < most; index++) {
      const name = deviceName(bus, index, this.#node.diskPrefix);
      if (!this.#taken.has(name) && !avoid.has(name)) return name;
    }
    throw refused(
      `it has more disks than ${most}, which is all that bus ${bus} has room for`,
      'TooManyDiskDevices',
    );
  }
}

const none: ReadonlySet<string> = new Set();

export interface LayoutParts {
  readonly settings: Settings;
  readonly node: NodeConfig;
  readonly machine: MachinePlan;
  readonly options: Options;
}

export function diskLayout(nova: NovaCase, parts: LayoutParts): DiskLayout {
  const rescue = rescueOf(nova);
  const stable = parts.settings.image.has('hw_rescue_bus') || parts.settings.image.has('hw_rescue_device');
  if (rescue && !stable) return rescueFirst(nova, parts);
  const names = new Names(parts.node);
  const layout = ordinary(nova, parts, names);
  return rescue ? { ...layout, rescueLast: rescueLast(parts, names) } : layout;
}

/** An empty rescue asks for nothing: the guest boots as ever. */
export const rescueOf = ({ instance }: NovaCase) =>
  instance.rescue && Object.values(instance.rescue).some((value) => value) ? instance.rescue : undefined;

function ordinary(nova: NovaCase, parts: LayoutParts, names: Names): DiskLayout {
  const volumes = nova.volumes ?? [];
  const assigned = new Set(volumes.flatMap((volume) => bareName(volume) ?? []));
  const rootVolume = volumes.find((volume) => volume.boot_index === 0);
  const root = rootVolume ? volumePlace(rootVolume, parts, names, none) : imageRoot(nova, parts, names);
  names.take(root.name);
  const local: LocalPlace[] = rootVolume ? [] : [{ ...root, role: 'disk' }];
  const { ephemeral_gb: ephemeral = 0, swap = 0 } = nova.flavor;
  const bus = busOf(parts, 'disk');
  const add = (role: string, name: string) => {
    // Nova leaves the disk out where a volume already has the name that it would get.
    if (assigned.has(name)) return;
    names.take(name);
    local.push({ role, bus, name, device: 'disk' });
  };
  if (ephemeral > 0) add('disk.local', names.next(bus.value));
  if (swap > 0) add('disk.swap', names.next(bus.value, assigned));
  const attached = volumes.map((volume) => {
    const place = volume === rootVolume ? root : volumePlace(volume, parts, names, assigned);
    names.take(place.name);
    return { ...place, volume };
  });
  if (needsConfigDrive(nova, parts)) local.push(configDrive('disk.config', parts, names));
  return { root, local, volumes: attached };
}

function imageRoot(nova: NovaCase, parts: LayoutParts, names: Names): DiskPlace {
  const device = nova.image.disk_format === 'iso' ? 'cdrom' : 'disk';
  const bus = busOf(parts, device);
  return { bus, device, name: names.next(bus.value), boot: 1 };
}

function volumePlace(
  volume: CaseVolume,
  parts: LayoutParts,
  names: Names,
  assigned: ReadonlySet<string>,
): DiskPlace {
  const device = (devices.includes(volume.device_type ?? '') ? volume.device_type : 'disk') as DiskDevice;
  const name = bareName(volume);
  const ofVolume = origin('instance', `volume ${volume.id}`, 'bus of the volume, or of its name');
  const bus = buses.includes(volume.bus ?? '')
    ? decided(volume.bus as DiskBus, ofVolume)
    : name
      ? decided(busOfName(name), ofVolume)
      : busOf(parts, device);
  const boot = volume.boot_index ?? -1;
  return {
    bus,
    device,
    name: name ?? names.next(bus.value, assigned),
    ...(boot >= 0 ? { boot: boot + 1 } : {}),
  };
}

const bareName = ({ device_name }: CaseVolume): string | undefined =>
  device_name ? device_name.replace(/^\/dev\//, '') : undefined;

const busOfPrefix: Readonly<Record<string, DiskBus>> = { hd: 'ide', sd: 'scsi', vd: 'virtio', fd: 'fdc' };

function busOfName(name: string): DiskBus {
  const bus = busOfPrefix[name.slice(0, 2)];
  if (!bus) throw refused(`the name ${name.slice(0, 32)} says no bus`, 'InternalError');
  return bus;
}

/** Of a kind of device: the image’s word, else what the machine has. */
function busOf(parts: LayoutParts, device: DiskDevice): Decided<DiskBus> {
  const image = wordOf<DiskBus>(parts.settings, 'image', `hw_${device}_bus`);
  return image ? because(image, 'the image decides') : usualBus(parts.machine, device);
}

function usualBus(machine: MachinePlan, device: DiskDevice): Decided<DiskBus> {
  const usual = (bus: DiskBus, why: string) => decided(bus, builtin(`hw_${device}_bus`, why));
  if (device === 'floppy') return usual('fdc', 'floppy drives have a bus of their own');
  return device === 'cdrom'
    ? usualCdBus(machine)
    : usual('virtio', 'the fastest bus that every current system knows');
}

function needsConfigDrive({ instance }: NovaCase, { settings, options }: LayoutParts): boolean {
  return (
    instance.config_drive === true ||
    options.boolean('DEFAULT', 'force_config_drive', false) ||
    settings.image.get('img_config_drive')?.value === 'mandatory'
  );
}

function configDrive(role: string, parts: LayoutParts, names: Names): LocalPlace {
  const format = parts.options.text('DEFAULT', 'config_drive_format') ?? 'iso9660';
  if (format !== 'iso9660' && format !== 'vfat')
    throw refused(`config_drive_format=${format} is neither iso9660 nor vfat`, 'ConfigDriveUnknownFormat');
  const device = format === 'iso9660' ? 'cdrom' : 'disk';
  const bus = busOf(parts, device);
  const name = names.next(bus.value);
  names.take(name);
  return { role, bus, name, device };
}

/** The rescue disk boots and the guest’s own one is beside it; nothing else is attached. */
function rescueFirst(nova: NovaCase, parts: LayoutParts): DiskLayout {
  const names = new Names(parts.node);
  const bus = busOf(parts, 'disk');
  const place = (role: string, boot?: number): LocalPlace => {
    const name = names.next(bus.value);
    names.take(name);
    return { role, bus, name, device: 'disk', ...(boot === undefined ? {} : { boot }) };
  };
  const rescue = place('disk.rescue', 1);
  const local = [rescue, place('disk')];
  if (needsConfigDrive(nova, parts)) local.push(configDrive('disk.config.rescue', parts, names));
  return { root: rescue, local, volumes: [] };
}

/** The guest’s disks keep their names, and the rescue disk comes last. */
function rescueLast(parts: LayoutParts, names: Names): LocalPlace {
  const device = wordOf<DiskDevice>(parts.settings, 'image', 'hw_rescue_device')?.value ?? 'disk';
  const image = wordOf<DiskBus>(parts.settings, 'image', 'hw_rescue_bus');
  const bus = image ? because(image, 'the image decides') : busOf(parts, device);
  return { role: 'disk.rescue', bus, device, name: names.next(bus.value) };
}
