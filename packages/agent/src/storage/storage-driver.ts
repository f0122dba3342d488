/** What every kind of storage offers. test/integration/support/storage-conformance.ts is the suite that each driver passes. */
import type { DiskReplicaSpec } from '@gantry/model';
import type { SeenDisk } from '../observation.ts';

/** A raw image that never changes and stays while a disk stands on it. */
export interface BaseFile {
  path: string;
  sizeBytes: number;
}

/** What a new disk begins with. */
export type DiskContent =
  | { kind: 'blank' }
  | { kind: 'base'; base: BaseFile }
  /** `fill` writes into a raw file of the disk's size, which reads as zeros before. */
  | { kind: 'fill'; fill: (path: string, signal: AbortSignal) => Promise<void> }
  /** `copy` makes the disk's own file, in the format of its template. */
  | { kind: 'copy'; copy: (path: string, signal: AbortSignal) => Promise<void> };

export interface MadeDisk {
  path: string;
  /** Bytes that it takes by itself, without its base. */
  allocatedBytes: number;
  /** `ticketMark` of the order to take it in, if it came so. */
  received?: string;
}

export type StagedDisk = Pick<DiskReplicaSpec, 'disk' | 'template' | 'sizeBytes' | 'operation'>;

export interface StorageDriver {
  /** All disks found, `creating` ones included; nothing that is not ours. */
  list(): Promise<SeenDisk[]>;
  /** The disk, when it is ready. */
  find(spec: DiskReplicaSpec): Promise<MadeDisk | undefined>;
  /**
   * Makes the disk and marks it ready; what is ready already is left as it is. Whatever the same operation had begun
   * is thrown away first, and again when it fails. One that is to be received is what this order brought, or nothing.
   * @throws GantryError `disk_in_the_way`, `disk_too_large`, `disk_too_small`, `no_space`
   */
  create(spec: DiskReplicaSpec, content: DiskContent, signal: AbortSignal): Promise<MadeDisk>;
  /**
   * Makes a ready disk that nobody has open as large as the spec says; never smaller.
   * @throws GantryError `disk_too_large`, `no_space`
   */
  grow(spec: DiskReplicaSpec, signal: AbortSignal): Promise<void>;
  /**
   * Where another program shall write the disk; what an earlier attempt left there is removed.
   * @throws GantryError `disk_too_large`
   */
  stage(disk: StagedDisk): Promise<string>;
  /** What was written is whole: it becomes the ready disk. May be repeated. */
  settle(disk: StagedDisk): Promise<void>;
  /** Removes what was staged, not a ready disk. */
  unstage(disk: StagedDisk): Promise<void>;
  /**
   * Removes the ready disk and what the spec's operation had begun; nothing else: with an order to receive it, only what
   * that order brought. Not there is fine.
   */
  remove(spec: DiskReplicaSpec): Promise<void>;
}
