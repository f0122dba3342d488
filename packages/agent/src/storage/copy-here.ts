/** Copies of disks on the same node: of a guest that is down, by us; of one that runs, by its QEMU. */
import { chmod } from 'node:fs/promises';
import { type DiskCopy, type DiskReplicaSpec, err, type GuestCopies } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { CarriedFiles } from '../guests/carried.ts';
import type { CopyFiles } from '../guests/copy.ts';
import type { OsProviders } from '../os/os-providers.ts';
import { run } from '../process/run.ts';
import { copySparse } from './file-driver.ts';
import type { StoragePlace } from './place.ts';
import type { DiskContent, MadeDisk, StagedDisk, StorageDriver } from './storage-driver.ts';

interface Parts {
  driver: StorageDriver;
  os: OsProviders;
  guestFiles: CarriedFiles;
}

/**
 * Ends with the disk marked ready. Its own file is copied, so a thin disk stays thin and an overlay stands on the same
 * base. Where an OS provider renames the system on it, it is written out whole for that.
 * @throws GantryError `disk_gone`, `os_provider_failed`, `no_space`
 */
export async function copyHere(
  spec: DiskReplicaSpec,
  { from, of, to, files }: DiskCopy,
  { driver, os, guestFiles }: Parts,
  log: Logger,
  signal: AbortSignal,
): Promise<MadeDisk> {
  const found = await driver.find({ ...spec, disk: from });
  if (!found) throw err('disk_gone', { disk: from, path: 'its storage' });
  const rename = await os.rename?.(spec, log);
  const content: DiskContent = rename
    ? {
        kind: 'fill',
        async fill(path, abort) {
          await writeOut(found.path, spec, path, abort);
          await rename(path, abort);
        },
      }
    : {
        kind: 'copy',
        async copy(path, abort) {
          await copySparse(found.path, path, abort);
          await chmod(path, 0o600);
        },
      };
  if (files) await guestFiles.copy(of, to);
  return driver.create(spec, content, signal);
}

/** Into a raw file that is there, is as large, and reads as zeros. */
async function writeOut(
  from: string,
  { template }: DiskReplicaSpec,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const format = template === 'file-raw' ? 'raw' : 'qcow2';
  const options = ['-n', '--target-is-zero', '-f', format, '-O', 'raw'];
  await run(['qemu-img', 'convert', ...options, from, to], { signal });
}

/**
 * The files that QEMU writes for a guest that runs.
 * @param place nothing is begun where the storage is not mounted
 */
export function copyFiles(
  driver: StorageDriver,
  guestFiles: CarriedFiles,
  place?: Pick<StoragePlace, 'require'>,
): CopyFiles {
  const staged = ({ operation, disks }: GuestCopies): StagedDisk[] =>
    disks.map(({ to, template, sizeBytes }) => ({ disk: to, template, sizeBytes, operation }));
  const each = async (copies: GuestCopies, work: (disk: StagedDisk) => Promise<void>) => {
    for (const disk of staged(copies)) await work(disk);
  };
  return {
    async begin(copies) {
      await place?.require();
      const paths: { to: string; path: string }[] = [];
      await each(copies, async (disk) => {
        paths.push({ to: disk.disk, path: await driver.stage(disk) });
      });
      return paths;
    },
    finish: (copies) => each(copies, (disk) => driver.settle(disk)),
    discard: (copies) => each(copies, (disk) => driver.unstage(disk)),
    carry: (from, to, which) => guestFiles.copy(from, to, which),
  };
}
