/**
 * Content of an uploaded image -> raw base. A qcow2 image is converted once instead of being kept as base: so that
 * the only program which ever reads a stranger's tables is one qemu-img under limits, not each guest's QEMU, and
 * guests read without a second level of tables. The raw file is sparse; it takes little more than the data in it.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BaseReplicaSpec, checkIso, checkQcow2Header, err, formatBytes } from '@gantry/model';
import type { ControllerLink } from '../env.ts';
import { ProcessError, type RunOptions, run } from '../process/run.ts';
import { readHead } from './backing.ts';
import { removeDurably } from './durable.ts';
import { PARTIAL } from './layout.ts';
import { describeFull, type FreeBytes } from './space.ts';
import { writeFully } from './write-fully.ts';

export type ImageContentSpec = Pick<BaseReplicaSpec, 'image' | 'sha256' | 'format'>;

/** What reads a stranger's bytes gets so much and no more (Nova: 30 s CPU, 1 GiB). */
const INSPECT: RunOptions = {
  limits: { cpuSeconds: 60, addressSpaceBytes: 2 * 2 ** 30 },
  timeoutMs: 120_000,
};
const CONVERT: RunOptions = {
  limits: { cpuSeconds: 1800, addressSpaceBytes: 2 * 2 ** 30 },
  timeoutMs: 3_600_000,
};

export interface ImageContentContext {
  link: Pick<ControllerLink, 'imageContent'>;
  free: FreeBytes;
  signal: AbortSignal;
}

/**
 * Fetches the image, checks its digest and header again, and writes the raw base to `partial`.
 * @throws GantryError `download_failed`, `image_unsafe`, `no_space`
 */
export async function makeImageBase(
  spec: ImageContentSpec,
  partial: string,
  context: ImageContentContext,
): Promise<void> {
  const plain = spec.format !== 'qcow2';
  const download = plain ? partial : partial.replace(PARTIAL, `.download${PARTIAL}`);
  try {
    await removeDurably(download);
    await fetchContent(spec, download, context);
    if (spec.format === 'iso') checkIso(await readHead(download), (await stat(download)).size);
    if (plain) await truncate(partial, wholeSectors((await stat(partial)).size));
    else await flatten(download, partial, context);
  } catch (error) {
    throw describeFull(error, dirname(partial));
  } finally {
    if (download !== partial) await removeDurably(download).catch(() => undefined); // found and removed next time
  }
}

async function fetchContent(spec: ImageContentSpec, path: string, { link, signal }: ImageContentContext) {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o644);
  try {
    let at = 0;
    for await (const chunk of await link.imageContent(spec.image, signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      await writeSparse(file, chunk, at);
      at += chunk.byteLength;
    }
    await file.truncate(at);
  } finally {
    await file.close();
  }
  const digest = hash.digest('hex');
  if (digest !== spec.sha256)
    throw err('download_failed', {
      what: `image ${spec.image}`,
      why: `its content has digest ${digest}, wanted ${spec.sha256}`,
    });
}

const ZEROS = Buffer.alloc(65_536);

/** Zeros are left out: the file was made anew and reads as zeros there. */
async function writeSparse(file: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; offset += ZEROS.length) {
    const piece = chunk.subarray(offset, offset + ZEROS.length);
    if (ZEROS.compare(piece, 0, piece.length, 0, piece.length) === 0) continue;
    await writeFully(file, piece, at + offset);
  }
}

async function flatten(from: string, to: string, { free, signal }: ImageContentContext): Promise<void> {
  checkQcow2Header(await readHead(from));
  const dataBytes = await checkTables(from, signal);
  const available = await free(dirname(to));
  if (available < dataBytes)
    throw err('no_space', {
      where: `${dirname(to)}: ${formatBytes(dataBytes)} needed, ${formatBytes(available)} free`,
    });
  await run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', '-S', '64k', from, to], {
    ...CONVERT,
    signal,
  });
}

/**
 * Lets qemu-img read all tables: those that overlap or point outside are refused, so what is converted is not more
 * than the clusters counted here.
 * @returns bytes of data in the image
 */
async function checkTables(path: string, signal: AbortSignal): Promise<number> {
  // 3: clusters are leaked, which harms nobody.
  const checked = await run(['qemu-img', 'check', '-f', 'qcow2', '--output=json', path], {
    ...INSPECT,
    signal,
    okCodes: [0, 3],
  }).catch((error: unknown) => {
    if (error instanceof ProcessError && error.reason !== 'aborted')
      throw err('image_unsafe', { why: `qemu-img finds it damaged (${error.message})` }, error);
    throw error;
  });
  const seen = JSON.parse(checked.stdout) as { 'allocated-clusters'?: number };
  const { clusterBits } = checkQcow2Header(await readHead(path));
  return (seen['allocated-clusters'] ?? 0) * 2 ** clusterBits;
}

const wholeSectors = (bytes: number): number => Math.ceil(bytes / 512) * 512;
