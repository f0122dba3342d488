/** Limits of a disk: our names and libvirt's. */
import type { DiskLimits } from '@gantry/model';
import type { IotuneLimit } from './elements/iotune.ts';

const names: Record<keyof DiskLimits, IotuneLimit> = {
  totalBytes: 'total_bytes_sec',
  readBytes: 'read_bytes_sec',
  writeBytes: 'write_bytes_sec',
  totalIops: 'total_iops_sec',
  readIops: 'read_iops_sec',
  writeIops: 'write_iops_sec',
};
const pairs = Object.entries(names) as [keyof DiskLimits, IotuneLimit][];

export const iotuneOf = (limits: DiskLimits): { [K in IotuneLimit]?: number } =>
  Object.fromEntries(
    pairs.flatMap(([ours, libvirts]) => (limits[ours] === undefined ? [] : [[libvirts, limits[ours]]])),
  );

/** What is not limited is 0 with libvirt. */
export const limitsOfIotune = (read: (name: IotuneLimit) => number): DiskLimits =>
  Object.fromEntries(pairs.flatMap(([ours, libvirts]) => (read(libvirts) ? [[ours, read(libvirts)]] : [])));
