/** The image must fit the flavor: memory, disk. */
import { err } from '@gantry/model';
import type { NovaCase } from './case.ts';

const GIB = 2 ** 30;

/** @throws GantryError `flavor_too_small` */
export function checkImageSize({ flavor, image, volumes }: NovaCase): void {
  const tooSmall = (what: string, has: string, needs: string, nova: string) =>
    err('flavor_too_small', { flavor: flavor.name ?? 'the flavor', what, has, needs, nova });
  if (flavor.memory_mb < (image.min_ram ?? 0))
    throw tooSmall('memory', `${flavor.memory_mb} MiB`, `${image.min_ram} MiB`, 'FlavorMemoryTooSmall');
  const disk = (flavor.root_gb ?? 0) * GIB;
  // A disk of 0 is as large as the image; a volume has its own size.
  if (disk === 0 || volumes?.some((volume) => volume.boot_index === 0)) return;
  const has = `${flavor.root_gb} GiB`;
  if ((image.size ?? 0) > disk)
    throw tooSmall('disk', has, `${image.size} bytes`, 'FlavorDiskSmallerThanImage');
  if ((image.min_disk ?? 0) * GIB > disk)
    throw tooSmall('disk', has, `${image.min_disk} GiB`, 'FlavorDiskSmallerThanMinDisk');
}
