/** Disks: buses, controllers, encryption, rescue. */
import { diskBuses } from '../../elements/disk.ts';
import {
  anyText,
  boolean,
  built,
  byNode,
  effect,
  type Family,
  family,
  inert,
  integer,
  later,
  newer,
  twins,
  words,
} from '../key.ts';

const other = { why: 'it belongs to another hypervisor', nova: 'UnsupportedHardware' };
export const foreignBuses = { xen: other, lxc: other, uml: other };

const bus = words([...diskBuses, 'fdc'], { refused: foreignBuses });

export const storage: Family = family(
  'Disks',
  [
    twins(later, 'ephemeral_encryption', 'equal', boolean, 'false', 'Encrypted local disks.', {
      ...byNode,
      harmless: ['false'],
    }),
    twins(
      later,
      'ephemeral_encryption_format',
      'equal',
      words(['plain', 'luks', 'luksv2']),
      'luks',
      'Format of the encryption.',
      byNode,
    ),
  ],
  [],
  [
    built('hw_disk_bus', bus, 'virtio', 'Bus of the disks.', effect('devices/disk/target@bus')),
    built(
      'hw_cdrom_bus',
      bus,
      'ide on pc, sata on q35, scsi on aarch64',
      'Bus of CD-ROM drives.',
      effect('devices/disk[cdrom]/target@bus'),
    ),
    later('hw_floppy_bus', bus, 'fdc', 'Bus of floppy drives.', {
      harmless: ['fdc'],
      missing: 'guests have no floppy drives: what came on floppies comes on a CD',
    }),
    built(
      'hw_scsi_model',
      words(['virtio-scsi', 'lsilogic', 'lsisas1068', 'lsisas1078', 'vmpvscsi', 'buslogic', 'ibmvscsi'], {
        aliases: { lsilogicsas: 'lsisas1068', paravirtual: 'vmpvscsi' },
        anyCase: true,
      }),
      'virtio-scsi',
      'Model of the SCSI controller.',
      effect('devices/controller[scsi]@model'),
    ),
    built(
      'hw_rescue_bus',
      bus,
      'as the disks, or the CD drives',
      'Bus of the disk that a guest is rescued with from this image. The guest’s own disks keep their places.',
      effect('devices/disk/target@bus'),
    ),
    built(
      'hw_rescue_device',
      words(['disk', 'cdrom', 'floppy', 'lun']),
      'disk',
      'Kind of the disk that a guest is rescued with from this image. The guest’s own disks keep their places.',
      effect('devices/disk@device'),
    ),
    later('hw_ephemeral_encryption_secret_uuid', anyText, 'none', 'Secret of the encryption.', {
      ...newer,
      ...byNode,
    }),
    later('img_config_drive', words(['optional', 'mandatory']), 'optional', 'Seed on a drive.', {
      harmless: ['optional'],
      ...effect('devices/disk'),
      missing: 'cloud-init images get a NoCloud seed anyway',
    }),
    later('os_require_quiesce', boolean, 'false', 'Fail snapshots that cannot freeze the guest.', {
      harmless: ['false'],
      missing: 'snapshots are not built',
    }),
    inert('hw_disk_type', anyText, 'none', 'Preallocation under other hypervisors.', {
      aliases: ['vmware_disktype'],
    }),
    inert('hw_auto_disk_config', anyText, 'none', 'Resizing of partitions under other hypervisors.', {
      aliases: ['auto_disk_config'],
    }),
    inert('hw_device_id', integer(0), 'none', 'Used by other hypervisors.', {
      aliases: ['xenapi_device_id'],
    }),
  ],
);
