/**
 * Disks to and from other nodes. What goes over is the disk's own file, so a thin disk stays thin and an overlay small;
 * the base below it is content-addressed and goes along where the other node lacks it, or is fetched there as for a new
 * disk. What came in is looked at before it counts: another node may be in strange hands.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { type DiskReplicaSpec, err, parseQcow2Header } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { CarriedFiles } from '../guests/carried.ts';
import { broken, type Incoming, sinkOf } from '../transfer/messages.ts';
import type { Outgoing } from '../transfer/sender.ts';
import type { Transfers } from '../transfer/transfers.ts';
import { backingOf, readHead } from './backing.ts';
import type { BaseStore } from './base-store.ts';
import { ignoreMissing } from './durable.ts';
import { baseName, type StorageLayout, ticketMark } from './layout.ts';
import type { BaseFile, MadeDisk, StorageDriver } from './storage-driver.ts';

export interface CopyParts {
  driver: StorageDriver;
  layout: StorageLayout;
  /** Made by OS providers of some node. */
  osBases: BaseStore;
  /** Calls `work` with the image's base, there and kept; without one where the disk stands on none. */
  overImage<T>(spec: DiskReplicaSpec, work: (base: BaseFile | undefined) => Promise<T>): Promise<T>;
  transfers: Transfers;
  guestFiles: CarriedFiles;
}

/** @param called the disk's name, for people */
export async function sendCopy(
  spec: DiskReplicaSpec,
  called: string,
  parts: CopyParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { send, disk } = spec;
  const found = await parts.driver.find(spec);
  if (!send || !found) throw broken(`disk ${disk} is not here, or not to be sent`);
  const files = [
    ...(send.guest ? await parts.guestFiles.list(send.guest, send.as ? 'a copy' : undefined) : []),
    ...(await diskFiles(spec, found, parts.layout)),
  ];
  await parts.transfers.send({ disk: send.as ?? disk, called, send, files }, log, signal);
}

/** The base of an uploaded image is fetched by the other node itself; one that an OS provider made here is not to be had elsewhere. */
async function diskFiles(
  spec: DiskReplicaSpec,
  { path }: MadeDisk,
  layout: StorageLayout,
): Promise<Outgoing[]> {
  const backing = spec.template === 'file-qcow2' ? await backingOf(path) : 'none';
  if (backing === 'unreadable') throw broken(`the header of disk ${spec.disk} cannot be read`);
  if (backing === 'none' || spec.source.kind !== 'os') return [{ head: { what: 'disk' }, path }];
  const name = basename(backing.base);
  const sha256 = name.replace(/[.]raw$/, '');
  return [
    { head: { what: 'base', sha256 }, path: join(layout.osBases, name) },
    { head: { what: 'disk', base: sha256 }, path },
  ];
}

/** Ends with the disk marked ready. */
export async function receiveCopy(
  spec: DiskReplicaSpec,
  parts: CopyParts,
  signal: AbortSignal,
): Promise<MadeDisk> {
  const { receive, disk } = spec;
  if (!receive) throw err('internal', { why: `disk ${disk} is not to be received` });
  const there = await parts.driver.find(spec);
  if (there?.received === ticketMark(receive)) return there;
  if (there) throw err('disk_in_the_way', { disk, path: there.path });
  const hasBase = async (sha256: string) =>
    /^[0-9a-f]{64}$/.test(sha256) &&
    (await stat(join(parts.layout.osBases, baseName(sha256, 'raw'))).catch(ignoreMissing)) !== undefined;
  const expected = { disk, from: receive.from, ticketSha256: receive.ticketSha256, hasBase };
  return parts.overImage(spec, (base) =>
    parts.driver.create(
      spec,
      {
        kind: 'copy',
        copy: (partial, abort) =>
          parts.transfers.receive(
            expected,
            (incoming) => take(incoming, { spec, parts, base, partial }),
            abort,
          ),
      },
      signal,
    ),
  );
}

interface Taking {
  spec: DiskReplicaSpec;
  parts: CopyParts;
  /** Of the image. */
  base: BaseFile | undefined;
  partial: string;
}

async function take(incoming: Incoming, taking: Taking): Promise<void> {
  const { guest } = taking.spec.receive ?? {};
  let head = await incoming.next();
  while (head?.what === 'guest') {
    if (guest === undefined) throw broken('files of a guest that does not come');
    await taking.parts.guestFiles.take(guest, head, incoming);
    head = await incoming.next();
  }
  if (head?.what === 'base') return overBase(incoming, head.sha256, taking, true);
  if (head?.what !== 'disk') throw broken('no disk came');
  if (head.base !== undefined) return overBase(incoming, head.base, taking, false);
  await writeDisk(incoming, taking, taking.base?.path);
}

/** @param comes the base is what comes next; else the other node was told that it is here */
async function overBase(incoming: Incoming, sha256: string, taking: Taking, comes: boolean): Promise<void> {
  const { osBases } = taking.parts;
  let left = comes;
  const make = async (partial: string) => {
    if (!left) throw broken(`base ${sha256} is gone`);
    await writeNew(partial, 0o644, incoming);
    left = false;
    if ((await digestOf(partial)) !== sha256) throw broken(`base ${sha256} has another content`);
  };
  await osBases.use(baseName(sha256, 'raw'), make, async ({ path }) => {
    if (left) await incoming.skip();
    if (comes && (await incoming.next())?.what !== 'disk') throw broken('no disk came');
    await writeDisk(incoming, taking, path);
  });
}

async function writeDisk(
  incoming: Incoming,
  { spec, partial }: Taking,
  base: string | undefined,
): Promise<void> {
  await writeNew(partial, 0o600, incoming);
  if ((await incoming.next()) !== undefined) throw broken('more came than the disk');
  const backing =
    spec.template === 'file-qcow2' && base !== undefined ? relative(join(partial, '..'), base) : undefined;
  await requireAsExpected(partial, spec, backing);
}

async function writeNew(path: string, mode: number, incoming: Incoming): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await incoming.writeTo(sinkOf(file));
  } finally {
    await file.close();
  }
}

/**
 * QEMU will open what its header names: only the base that is known to be below it may stand there.
 * @throws GantryError `image_unsafe`
 */
async function requireAsExpected(
  path: string,
  spec: DiskReplicaSpec,
  backing: string | undefined,
): Promise<void> {
  const refuse = (why: string) => err('image_unsafe', { why: `the copy of disk ${spec.disk}: ${why}` });
  const size = Math.ceil(spec.sizeBytes / 512) * 512;
  if (spec.template === 'file-raw') {
    if ((await stat(path)).size !== size) throw refuse('it has another size');
    return;
  }
  const header = parse(await readHead(path), refuse);
  if (header.virtualBytes !== size) throw refuse('it has another size');
  if (header.backingFile !== backing || (backing !== undefined && header.backingFormat !== 'raw'))
    throw refuse(`it stands on ${JSON.stringify(header.backingFile ?? 'nothing')}`);
  if (header.externalDataFile || header.encrypted) throw refuse('its data lies elsewhere, or is encrypted');
}

function parse(head: Uint8Array, refuse: (why: string) => Error): ReturnType<typeof parseQcow2Header> {
  try {
    return parseQcow2Header(head);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
