/** The storage of a node: carries out disk.* and base.* and says what is there. */
import { stat } from 'node:fs/promises';
import { type BaseReplicaSpec, type DiskReplicaSpec, err, formatBytes, isUuid } from '@gantry/model';
import type { ActionOf, Logger, Outcome } from '../actions.ts';
import type { ControllerLink } from '../env.ts';
import { carriedFiles } from '../guests/carried.ts';
import type { CopyFiles } from '../guests/copy.ts';
import type { Observation, SeenBase, SeenDisk } from '../observation.ts';
import type { OsProviders } from '../os/os-providers.ts';
import type { Transfers } from '../transfer/transfers.ts';
import { type BaseStore, createBaseStore } from './base-store.ts';
import { type CopyParts, receiveCopy, sendCopy } from './copies.ts';
import { copyFiles, copyHere } from './copy-here.ts';
import { listNames } from './durable.ts';
import { copySparse, createFileDriver } from './file-driver.ts';
import { type ImageContentSpec, makeImageBase } from './image-content.ts';
import { baseName, type StorageLayout, storageLayout, storageRoot } from './layout.ts';
import type { StoragePlace } from './place.ts';
import { type FreeBytes, freeBytes } from './space.ts';
import type { DiskContent, MadeDisk, StorageDriver } from './storage-driver.ts';

export type StorageAction =
  | 'base.ensure'
  | 'base.remove'
  | 'disk.create'
  | 'disk.grow'
  | 'disk.send'
  | 'disk.receive'
  | 'disk.remove';

type Perform<N extends StorageAction> = (
  action: ActionOf<N>,
  log: Logger,
  signal: AbortSignal,
) => Promise<Outcome>;

export interface Storage {
  perform: { [N in StorageAction]: Perform<N> };
  observe(): Promise<Pick<Observation, 'disks' | 'bases' | 'storageFault'>>;
  /** For what QEMU itself copies. */
  copyFiles(cluster: string): CopyFiles;
}

export interface StorageOptions {
  /** `--state DIR`. */
  stateDir: string;
  link: Pick<ControllerLink, 'imageContent'>;
  os: OsProviders;
  /** Without them it neither sends disks nor takes any. */
  transfers?: Transfers;
  free?: FreeBytes;
  /** Nothing is written where the storage is not mounted. */
  place?: StoragePlace;
}

/** What lies in the folder of one cluster. */
interface Room {
  driver: StorageDriver;
  layout: StorageLayout;
  bases: BaseStore;
  osBases: BaseStore;
}

export function createStorage(options: StorageOptions): Storage {
  const { stateDir, link, os, free = freeBytes, place } = options;
  const rooms = new Map<string, Room>();
  const room = (cluster: string): Room => {
    const found = rooms.get(cluster) ?? openRoom(stateDir, cluster, free);
    rooms.set(cluster, found);
    return found;
  };

  const makeBase = (spec: ImageContentSpec, signal: AbortSignal) => (partial: string) =>
    makeImageBase(spec, partial, { link, free, signal });

  async function createDisk(spec: DiskReplicaSpec, log: Logger, signal: AbortSignal): Promise<MadeDisk> {
    const { driver, bases, osBases } = room(spec.cluster);
    const create = (content: DiskContent) => driver.create(spec, content, signal);
    const { source } = spec;
    const there = await driver.find(spec);
    if (there) return there;
    if (spec.copy)
      return copyHere(spec, spec.copy, { driver, os, guestFiles: carriedFiles(stateDir) }, log, signal);
    if (source.kind === 'blank') return create({ kind: 'blank' });
    if (source.kind === 'image')
      return bases.use(baseName(source.sha256, source.format), makeBase(source, signal), (base) =>
        create({ kind: 'base', base }),
      );
    const content = await os.content(spec, log, signal);
    if (content.kind === 'fill') return create(content);
    const name = baseName(content.sha256, 'raw');
    let adopted = false;
    const adopt = async (partial: string) => {
      await copySparse(content.path, partial, signal);
      adopted = true;
    };
    const made = await osBases.use(name, adopt, (base) => create({ kind: 'base', base }));
    if (adopted) await sweep(osBases, name, log);
    return made;
  }

  const copyParts = (spec: DiskReplicaSpec, signal: AbortSignal): CopyParts => {
    const { transfers } = options;
    if (!transfers)
      throw err('not_supported', { what: 'copying disks between nodes', instead: 'This node does neither.' });
    const { driver, layout, bases, osBases } = room(spec.cluster);
    return {
      ...{ driver, layout, osBases, transfers, guestFiles: carriedFiles(stateDir) },
      overImage({ source, template }, work) {
        if (source.kind !== 'image' || template !== 'file-qcow2') return work(undefined);
        return bases.use(baseName(source.sha256, source.format), makeBase(source, signal), work);
      },
    };
  };

  return {
    perform: {
      'disk.create': async ({ spec }, log, signal) => {
        if (spec.desired !== 'present')
          throw err('internal', { why: 'disk.create of a disk that shall be absent' });
        await place?.require();
        const { allocatedBytes } = await createDisk(spec, log, signal);
        return { allocatedBytes };
      },
      'disk.grow': async ({ spec, called = spec.disk }, log, signal) => {
        await room(spec.cluster).driver.grow(spec, signal);
        log('info', `disk ${called} has ${formatBytes(spec.sizeBytes)}`);
        return {};
      },
      'disk.send': async ({ spec, called = spec.disk }, log, signal) => {
        await sendCopy(spec, called, copyParts(spec, signal), log, signal);
        return {};
      },
      'disk.receive': async ({ spec }, _log, signal) => {
        await place?.require();
        const { allocatedBytes } = await receiveCopy(spec, copyParts(spec, signal), signal);
        return { allocatedBytes };
      },
      'disk.remove': async ({ spec }) => {
        requireTombstone(spec);
        await room(spec.cluster).driver.remove(spec);
        return {};
      },
      'base.ensure': async ({ spec }, log, signal) => {
        await place?.require();
        const say = async ({ path }: { path: string }) => stat(path);
        const { bases } = room(spec.cluster);
        const { blocks } = await bases.use(baseName(spec.sha256, spec.format), makeBase(spec, signal), say);
        log('info', `base ${spec.sha256.slice(0, 12)} is ready`);
        return { allocatedBytes: blocks * 512 };
      },
      'base.remove': async ({ spec }) => {
        requireTombstone(spec);
        await room(spec.cluster).bases.remove(baseName(spec.sha256, spec.format));
        return {};
      },
    },
    copyFiles: (cluster) => copyFiles(room(cluster).driver, carriedFiles(stateDir), place),
    async observe() {
      const fault = await place?.fault();
      const clusters = (await listNames(storageRoot(stateDir))).filter(isUuid);
      const seen = await Promise.all(clusters.map((cluster) => observeRoom(room(cluster))));
      return {
        disks: seen.flatMap(({ disks }) => disks),
        bases: seen.flatMap(({ bases }) => bases),
        ...(fault === undefined ? {} : { storageFault: fault }),
      };
    },
  };
}

function openRoom(stateDir: string, cluster: string, free: FreeBytes): Room {
  if (!isUuid(cluster)) throw err('internal', { why: `cluster id ${JSON.stringify(cluster)}` });
  const layout = storageLayout(stateDir, cluster);
  const driver = createFileDriver(layout.disks, free);
  const list = () => driver.list();
  return {
    driver,
    layout,
    bases: createBaseStore(layout.bases, list),
    osBases: createBaseStore(layout.osBases, list),
  };
}

async function observeRoom({ driver, bases }: Room): Promise<{ disks: SeenDisk[]; bases: SeenBase[] }> {
  const [disks, seen] = await Promise.all([driver.list(), bases.list()]);
  return { disks, bases: seen };
}

/** Bytes go only where a tombstone says so. */
function requireTombstone({ desired }: DiskReplicaSpec | BaseReplicaSpec): void {
  if (desired !== 'absent') throw err('internal', { why: 'removal without a tombstone' });
}

/** OS bases are made here from a cache, and belong to no image: the older ones go when nothing stands on them. */
async function sweep(osBases: BaseStore, keep: string, log: Logger): Promise<void> {
  for (const { sha256, users } of await osBases.list()) {
    const name = baseName(sha256, 'raw');
    if (name === keep || users.length > 0) continue;
    await osBases
      .remove(name)
      .catch((error: unknown) => log('warn', `old base ${name} stays: ${String(error)}`));
  }
}
