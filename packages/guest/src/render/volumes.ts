/** Attached volumes: how each kind of volume driver opens its disk (nova/virt/libvirt/volume, 26.2.2). */
import { isUuid } from '@gantry/model';
import { type IotuneLimit, iotuneLimits } from '../elements/iotune.ts';
import { builtin, decided, origin } from '../origin.ts';
import { invalid, refused } from '../refusal.ts';
import type { DiskPlan } from '../wanted.ts';
import type { CaseVolume } from './case.ts';
import type { Options } from './options.ts';

type Data = Readonly<Record<string, unknown>>;
type Opened = Pick<DiskPlan, 'source' | 'format' | 'nativeIo'>;
type Driver = (data: Data, options: Options) => Opened;

const textOf = (data: Data, name: string): string | undefined => {
  const value = data[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw refused(`${name} of its volume is not text`);
};

const needed = (data: Data, name: string): string => {
  const value = textOf(data, name);
  if (!value) throw refused(`its volume has no ${name}`, 'InvalidVolume');
  return value;
};

const block =
  (nativeIo: boolean): Driver =>
  (data) => ({
    source: { type: 'block', path: needed(data, 'device_path') },
    format: 'raw',
    ...(nativeIo ? { nativeIo } : {}),
  });

const file =
  (nativeIo: boolean): Driver =>
  (data) => ({
    source: { type: 'file', path: needed(data, 'device_path') },
    format: textOf(data, 'format') ?? 'raw',
    ...(nativeIo ? { nativeIo } : {}),
  });

const ceph: Driver = (data, options) => {
  const list = (name: string): string[] => (Array.isArray(data[name]) ? data[name].map(String) : []);
  const ports = list('ports');
  const name = textOf(data, 'name');
  const auth = cephAuth(data, options);
  return {
    source: {
      type: 'network',
      protocol: 'rbd',
      ...(name === undefined ? {} : { name }),
      // Pairs: a host without a port is not reached.
      hosts: list('hosts')
        .slice(0, ports.length)
        .map((host, index) => ({ name: host, port: ports[index] ?? '' })),
      ...(auth ? { auth } : {}),
    },
    format: 'raw',
  };
};

/** The volume’s own secret, else the node’s. */
function cephAuth(data: Data, options: Options) {
  const nodes = options.text('libvirt', 'rbd_secret_uuid');
  const own = data['auth_enabled'] === true;
  if (!own && !nodes) return undefined;
  const ownSecret = own ? textOf(data, 'secret_uuid') : undefined;
  const secret = ownSecret ?? nodes;
  const user = ownSecret === undefined ? options.text('libvirt', 'rbd_user') : textOf(data, 'auth_username');
  return {
    type: textOf(data, 'secret_type') ?? 'ceph',
    ...(user === undefined ? {} : { user }),
    ...(secret === undefined ? {} : { secret }),
  };
}

const uncached = decided(
  'none' as const,
  builtin('diskCache', 'the host does not keep a second copy of what the guest caches'),
);

const drivers: Readonly<Record<string, Driver>> = {
  local: block(false),
  storpool: block(false),
  nvmeof: block(false),
  lightos: block(false),
  iscsi: block(true),
  iser: block(true),
  fibre_channel: block(true),
  scaleio: block(true),
  nfs: file(true),
  gpfs: file(false),
  rbd: ceph,
};

type Placed = Pick<DiskPlan, 'device' | 'bus' | 'name'>;

export function volumePlan(volume: CaseVolume, place: Placed, options: Options): DiskPlan {
  const data: Data = volume.data ?? {};
  const kind = volume.driver_volume_type;
  const driver = Object.hasOwn(drivers, kind) ? drivers[kind] : undefined;
  if (!driver) throw refused(`volumes of kind ${kind.slice(0, 32)} are not built`, 'VolumeDriverNotFound');
  if (!isUuid(volume.id)) throw refused('the id of its volume is not a UUID');
  const limits = limitsOf(data);
  const sizes = sizesOf(data);
  return {
    ...place,
    ...driver(data, options),
    driverName: 'qemu',
    serial: volume.id,
    local: false,
    cache: uncached,
    readOnly: accessOf(data) === 'ro',
    ...(volume.multiattach ? { shareable: true } : {}),
    ...(data['discard'] === true ? { discard: 'unmap' as const } : {}),
    ...(limits ? { limits } : {}),
    ...(sizes ? { blockSize: sizes } : {}),
    origin: origin('instance', `volume ${volume.id}`, 'an attached volume, serial number from its id'),
  };
}

function accessOf(data: Data): string | undefined {
  const mode = textOf(data, 'access_mode');
  if (mode && mode !== 'ro' && mode !== 'rw')
    throw refused(
      `access mode ${mode.slice(0, 16)} of its volume is neither ro nor rw`,
      'InvalidVolumeAccessMode',
    );
  return mode;
}

function limitsOf(data: Data): { [K in IotuneLimit]?: number } | undefined {
  const specs = data['qos_specs'];
  if (typeof specs !== 'object' || specs === null) return undefined;
  const limits: { [K in IotuneLimit]?: number } = {};
  for (const name of iotuneLimits) {
    const value = textOf(specs as Data, name);
    if (value !== undefined) limits[name] = wholeNumber(`qos_specs.${name}`, value);
  }
  return Object.keys(limits).length > 0 ? limits : undefined;
}

function sizesOf(data: Data) {
  const logical = textOf(data, 'logical_block_size');
  const physical = textOf(data, 'physical_block_size');
  if (logical === undefined && physical === undefined) return undefined;
  return {
    ...(logical === undefined ? {} : { logical: wholeNumber('logical_block_size', logical) }),
    ...(physical === undefined ? {} : { physical: wholeNumber('physical_block_size', physical) }),
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw invalid(name, text, 'it is not a whole number');
  return Number(text);
}
