/**
 * Where storage lies and what its files are called. The name says all there is to know: disk or base, state, and the
 * operation that makes it; nothing is remembered elsewhere.
 *
 *     DIR/agent/storage/CLUSTER/disks/DISK.creating.OPERATION.qcow2   being made, belongs to that operation
 *                               disks/DISK.ready.qcow2                complete and durable (or .raw)
 *                               disks/DISK.ready.TICKET.qcow2         the same, brought by another node for that ticket
 *                               bases/SHA256.raw                      base from a raw or ISO image, content-addressed
 *                               bases/SHA256.qcow2.raw                base from a qcow2 image, converted
 *                               bases/*.partial                       being made
 *                               os-bases/SHA256.raw                   base made on this node by an OS provider
 */
import { join } from 'node:path';
import { type DiskReceive, type ImageFormat, isUuid } from '@gantry/model';

export interface StorageLayout {
  disks: string;
  bases: string;
  osBases: string;
}

export const storageRoot = (stateDir: string): string => join(stateDir, 'agent', 'storage');

export function storageLayout(stateDir: string, cluster: string): StorageLayout {
  const root = join(storageRoot(stateDir), cluster);
  return { disks: join(root, 'disks'), bases: join(root, 'bases'), osBases: join(root, 'os-bases') };
}

export const extensions = ['qcow2', 'raw'] as const;
export type Extension = (typeof extensions)[number];

export interface DiskFile {
  disk: string;
  state: 'creating' | 'ready';
  operation?: string;
  /** Of the ticket for which it was taken in. */
  received?: string;
  extension: Extension;
}

export const readyName = (disk: string, extension: Extension, received?: string): string =>
  [disk, 'ready', ...(received === undefined ? [] : [received]), extension].join('.');
/** Of what `receive` orders: tells what this very order brought from what was there before. */
export const ticketMark = ({ ticketSha256 }: DiskReceive): string => ticketSha256.slice(0, 16);
export const creatingName = (disk: string, operation: string, extension: Extension): string =>
  `${disk}.creating.${operation}.${extension}`;

/** What a file name in `disks/` says; undefined for one that is not ours. */
export function parseDiskName(name: string): DiskFile | undefined {
  const parts = name.split('.');
  const extension = extensions.find((known) => known === parts.at(-1));
  const [disk = '', state, whose = ''] = parts;
  if (extension === undefined || !isUuid(disk)) return undefined;
  if (state === 'ready' && parts.length === 3) return { disk, state, extension };
  if (state === 'ready' && parts.length === 4 && /^[0-9a-f]{16}$/.test(whose))
    return { disk, state, received: whose, extension };
  if (state === 'creating' && parts.length === 4 && isUuid(whose))
    return { disk, state, operation: whose, extension };
  return undefined;
}

export const PARTIAL = '.partial';

/** Of an image with this content, uploaded as this format. The base itself is raw in every case: a CD is its bytes. */
export const baseName = (sha256: string, format: ImageFormat): string =>
  format === 'qcow2' ? `${sha256}.qcow2.raw` : `${sha256}.raw`;

/** The digest in a base's name; undefined for a partial or foreign file. */
export const parseBaseName = (name: string): string | undefined =>
  /^([0-9a-f]{64})(\.qcow2)?\.raw$/.exec(name)?.[1];
