/** Where the disks of an instance itself are: files, logical volumes, or Ceph images ([libvirt] images_type). */
import type { DiskSource, NetworkSource } from '../elements/disk.ts';
import { nodeUnfit } from '../refusal.ts';
import type { DiskPlan } from '../wanted.ts';
import type { Options } from './options.ts';

type Source = Pick<DiskPlan, 'source' | 'format' | 'nativeIo' | 'driverName'>;

export function localSource(role: string, folder: string, options: Options): Source {
  const asked = options.text('libvirt', 'images_type') ?? 'default';
  const cow = options.boolean('DEFAULT', 'use_cow_images', true);
  const usual = asked === 'default' ? (cow ? 'qcow2' : 'raw') : asked;
  // A config drive is plain content: a raw file, except on Ceph, where there may be no local file system.
  const type = role.startsWith('disk.config') && usual !== 'rbd' ? 'raw' : usual;
  switch (type) {
    case 'raw':
    case 'flat':
      return file(role, folder, 'raw', options);
    case 'qcow2':
      return file(role, folder, 'qcow2', options);
    case 'lvm':
      return logicalVolume(role, folder, options);
    case 'rbd':
      return { source: cephImage(role, folder, options), format: 'raw' };
    default:
      throw nodeUnfit(`images_type=${type} is not built`, 'Use qcow2, raw, lvm or rbd.', 'RuntimeError');
  }
}

function file(role: string, folder: string, format: string, options: Options): Source {
  const preallocated = options.text('DEFAULT', 'preallocate_images') === 'space';
  return {
    source: { type: 'file', path: `${folder}/${role}` },
    format,
    driverName: 'qemu',
    ...(preallocated ? { nativeIo: true } : {}),
  };
}

function logicalVolume(role: string, folder: string, options: Options): Source {
  const group = options.text('libvirt', 'images_volume_group');
  if (!group)
    throw nodeUnfit('images_type=lvm needs a volume group', 'Set images_volume_group.', 'RuntimeError');
  const sparse = options.boolean('libvirt', 'sparse_logical_volumes', false);
  return {
    source: { type: 'block', path: `/dev/${group}/${idOf(folder)}_${role}` } satisfies DiskSource,
    format: 'raw',
    driverName: 'qemu',
    ...(sparse ? {} : { nativeIo: true }),
  };
}

/** A case does not carry the monitors of Ceph, which stand in ceph.conf; these are for documentation (RFC 5737). */
const monitors = ['192.0.2.10', '192.0.2.11'].map((name) => ({ name, port: '6789' }));

function cephImage(role: string, folder: string, options: Options): NetworkSource {
  const pool = options.text('libvirt', 'images_rbd_pool');
  if (!pool) throw nodeUnfit('images_type=rbd needs a pool', 'Set images_rbd_pool.', 'RuntimeError');
  const secret = options.text('libvirt', 'rbd_secret_uuid');
  const user = options.text('libvirt', 'rbd_user');
  return {
    type: 'network',
    protocol: 'rbd',
    name: `${pool}/${idOf(folder)}_${role}`,
    hosts: monitors,
    ...(secret ? { auth: { type: 'ceph', secret, ...(user ? { user } : {}) } } : {}),
  };
}

/** The folder of an instance is called by its id. */
const idOf = (folder: string): string => folder.slice(folder.lastIndexOf('/') + 1);
