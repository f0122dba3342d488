/** Disks as files: thin qcow2 (an overlay where there is a base) or sparse raw. */
import { chmod, open, stat, truncate } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type DiskReplicaSpec, type DiskTemplate, err, formatBytes } from '@gantry/model';
import type { SeenDisk } from '../observation.ts';
import { run } from '../process/run.ts';
import { ignoreMissing, listNames, makeDirectories, makeSparse, publish, removeDurably } from './durable.ts';
import { MAX_QCOW2_BYTES, writeEmptyQcow2 } from './empty-qcow2.ts';
import { creatingName, type Extension, extensions, parseDiskName, readyName, ticketMark } from './layout.ts';
import { detachLoopDevices } from './loop-devices.ts';
import { describeFull, type FreeBytes, freeBytes, requireSpace } from './space.ts';
import type { BaseFile, DiskContent, MadeDisk, StagedDisk, StorageDriver } from './storage-driver.ts';

const extensionOf: Record<DiskTemplate, Extension> = { 'file-qcow2': 'qcow2', 'file-raw': 'raw' };
const templateOf: Record<Extension, DiskTemplate> = { qcow2: 'file-qcow2', raw: 'file-raw' };

export function createFileDriver(directory: string, free: FreeBytes = freeBytes): StorageDriver {
  const path = (name: string) => join(directory, name);
  const readyPath = ({ disk, template, receive }: Wanted) =>
    path(readyName(disk, extensionOf[template], receive && ticketMark(receive)));
  const begun = ({ disk, operation }: StagedDisk, extension: Extension) =>
    path(creatingName(disk, operation, extension));
  const allBegun = (spec: StagedDisk) => extensions.map((extension) => begun(spec, extension));
  /** Its name says how it came here: the one that the spec orders comes first. */
  const allReady = async ({ disk, receive }: Pick<Wanted, 'disk' | 'receive'>) => {
    const wanted = receive && ticketMark(receive);
    const ready = (await listNames(directory)).flatMap((name) => {
      const file = parseDiskName(name);
      return file?.state === 'ready' && file.disk === disk ? [{ ...file, path: path(name) }] : [];
    });
    return ready.sort((a, b) => Number(b.received === wanted) - Number(a.received === wanted));
  };
  const find = async (spec: Wanted): Promise<MadeDisk | undefined> => {
    const ready = await allReady(spec);
    const held = ready.find(({ extension }) => extension === extensionOf[spec.template]);
    const made = held && (await look(held.path));
    return made && { ...made, ...(held?.received ? { received: held.received } : {}) };
  };

  return {
    async list() {
      const names = await listNames(directory);
      const seen = names.flatMap((name) => seenDisk(name, path(name)) ?? []);
      return Promise.all(seen.map(withSize));
    },

    find,

    async create(spec, content, signal) {
      const extension = extensionOf[spec.template];
      const ready = readyPath(spec);
      const made = await find(spec);
      if (made) return asOrdered(made, spec);
      await makeDirectories(directory);
      checkSize(spec, content);
      await requireSpace(spec.sizeBytes, directory, free);
      await removeBegun(allBegun(spec));
      try {
        const files = { partial: begun(spec, extension), scratch: begun(spec, 'raw') };
        if (content.kind === 'copy') await content.copy(files.partial, signal);
        else await (extension === 'raw' ? makeRaw : makeQcow2)(files, spec.sizeBytes, content, signal);
        signal.throwIfAborted();
        await publish(files.partial, ready);
        return await mustLook(ready);
      } catch (error) {
        await removeBegun(allBegun(spec)).catch(() => undefined); // the first error is the one to tell
        throw describeFull(error, directory);
      }
    },

    async grow(spec, signal) {
      const ready = (await find(spec))?.path ?? readyPath(spec);
      const { sizeBytes = 0 } = await withSize({ ...bare(spec), path: ready });
      if (sizeBytes >= spec.sizeBytes) return;
      checkSize(spec, { kind: 'blank' });
      await requireSpace(spec.sizeBytes - sizeBytes, directory, free);
      try {
        await growFile(ready, extensionOf[spec.template], wholeSectors(spec.sizeBytes), signal);
      } catch (error) {
        throw describeFull(error, directory);
      }
    },

    async stage(disk) {
      await makeDirectories(directory);
      checkSize(disk, { kind: 'blank' });
      await requireSpace(disk.sizeBytes, directory, free);
      await removeBegun(allBegun(disk));
      return begun(disk, extensionOf[disk.template]);
    },

    async settle(disk) {
      const ready = readyPath(disk);
      if (await look(ready)) return;
      const partial = begun(disk, extensionOf[disk.template]);
      await chmod(partial, 0o600);
      await publish(partial, ready);
    },

    unstage: (disk) => removeBegun(allBegun(disk)),

    async remove(spec) {
      const { receive } = spec;
      const ready = await allReady(spec);
      const going = receive ? ready.filter(({ received }) => received === ticketMark(receive)) : ready;
      await removeDurably(...going.map((file) => file.path));
      await removeBegun(allBegun(spec));
    },
  };
}

type Wanted = StagedDisk & Pick<DiskReplicaSpec, 'receive'>;

/** @throws GantryError `disk_in_the_way` */
function asOrdered(made: MadeDisk, { disk, receive }: Wanted): MadeDisk {
  if (!receive || made.received === ticketMark(receive)) return made;
  throw err('disk_in_the_way', { disk, path: made.path });
}

/** A loop device of an OS script that was killed would keep the blocks of a file for ever that nobody sees any more. */
async function removeBegun(paths: readonly string[]): Promise<void> {
  for (const path of paths) if (path.endsWith('.raw') && (await look(path))) await detachLoopDevices(path);
  await removeDurably(...paths);
}

function seenDisk(name: string, path: string): SeenDisk | undefined {
  const file = parseDiskName(name);
  if (!file) return undefined;
  const { extension, ...rest } = file;
  return { ...rest, template: templateOf[extension], path };
}

const bare = ({ disk, template }: DiskReplicaSpec): Omit<SeenDisk, 'path'> => ({
  disk,
  state: 'ready',
  template,
});

/** What a guest sees of it; QEMU may be changing it right now, and then it is read again in the next look. */
async function withSize(seen: SeenDisk): Promise<SeenDisk> {
  if (seen.state !== 'ready') return seen;
  const sizeBytes = await (seen.template === 'file-raw' ? rawSize : qcow2Size)(seen.path).catch(
    () => undefined,
  );
  return sizeBytes === undefined ? seen : { ...seen, sizeBytes };
}

const rawSize = async (path: string): Promise<number> => (await stat(path)).size;

/** docs/interop/qcow2.rst of QEMU: bytes 24 to 31 of the header, big-endian. */
async function qcow2Size(path: string): Promise<number | undefined> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(32), 0, 32, 0);
    return bytesRead === 32 ? Number(buffer.readBigUInt64BE(24)) : undefined;
  } finally {
    await file.close();
  }
}

/** Nobody has it open: qemu-img takes QEMU’s lock, and fails where somebody has. */
async function growFile(
  path: string,
  format: Extension,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  await run(['qemu-img', 'resize', '-q', '-f', format, path, String(sizeBytes)], { signal });
}

function checkSize({ sizeBytes, template }: StagedDisk, content: DiskContent): void {
  if (content.kind === 'base' && content.base.sizeBytes > sizeBytes)
    throw err('disk_too_small', {
      size: formatBytes(sizeBytes),
      needed: formatBytes(content.base.sizeBytes),
    });
  if (template === 'file-qcow2' && sizeBytes > MAX_QCOW2_BYTES)
    throw err('disk_too_large', {
      size: formatBytes(sizeBytes),
      why: `a qcow2 file holds at most ${formatBytes(MAX_QCOW2_BYTES)}`,
    });
}

interface Files {
  partial: string;
  /** A raw file beside it, for content that can only be made raw. */
  scratch: string;
}

async function makeQcow2(
  { partial, scratch }: Files,
  sizeBytes: number,
  content: DiskContent,
  signal: AbortSignal,
) {
  const size = wholeSectors(sizeBytes);
  if (content.kind === 'blank') return writeEmptyQcow2(partial, { sizeBytes: size });
  // A relative name: the state directory may be moved or mounted elsewhere.
  if (content.kind === 'base')
    return writeEmptyQcow2(partial, {
      sizeBytes: size,
      backing: { file: relative(join(partial, '..'), content.base.path), format: 'raw' },
    });
  await makeRaw({ partial: scratch, scratch }, sizeBytes, content, signal);
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-o', 'compat=1.1', scratch, partial], {
    signal,
  });
  await removeDurably(scratch);
}

async function makeRaw({ partial }: Files, sizeBytes: number, content: DiskContent, signal: AbortSignal) {
  if (content.kind === 'base') return copyBase(content.base, partial, wholeSectors(sizeBytes), signal);
  await makeSparse(partial, wholeSectors(sizeBytes), 0o600);
  if (content.kind === 'fill') await content.fill(partial, signal);
}

async function copyBase(base: BaseFile, partial: string, sizeBytes: number, signal: AbortSignal) {
  await copySparse(base.path, partial, signal);
  await chmod(partial, 0o600);
  await truncate(partial, sizeBytes);
}

/** Copies a file, sharing its blocks where the file system can, leaving holes where it cannot. */
export async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await run(['cp', '--reflink=auto', '--sparse=always', '--no-preserve=all', '--', from, to], { signal });
}

const wholeSectors = (bytes: number): number => Math.ceil(bytes / 512) * 512;

async function look(path: string): Promise<MadeDisk | undefined> {
  const found = await stat(path).catch(ignoreMissing);
  return found && { path, allocatedBytes: found.blocks * 512 };
}

async function mustLook(path: string): Promise<MadeDisk> {
  const made = await look(path);
  if (!made) throw new Error(`${path} vanished`);
  return made;
}
