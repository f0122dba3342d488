/**
 * Finished base images, one for each set of parameters, in the cache of the node:
 *
 *     CACHE/debootstrap/DIGEST.json             what the newest image of these parameters is, and when it was built; its time
 *                                               says when it was used last
 *     CACHE/debootstrap/DIGEST-SHA256.raw       the image; the one before stays until the next build
 *     CACHE/debootstrap/DIGEST.work/            a build under way (under DIGEST.lock)
 *     CACHE/debootstrap/packages/               downloaded packages
 *
 * Disks stand on copies of them; those of kernels that no new guest gets go: old-bases.ts.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGantryError } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { withFileLock } from '../../process/file-lock.ts';
import { ignoreMissing, publish } from '../../storage/durable.ts';
import type { BootKit, BootKits } from '../boot-kit/boot-kit.ts';
import { type BuildRequest, buildBase, pruneOld } from './build.ts';
import { recipe } from './customize.ts';
import { keyringOf } from './keyring.ts';
import { checkMirror } from './mirror.ts';
import { type BaseRecord, oldBases, removeBase } from './old-bases.ts';
import type { DebootstrapParameters } from './parameters.ts';

const DAY_MS = 86_400_000;

export interface CachedBase {
  path: string;
  sha256: string;
}

export interface BaseCacheOptions {
  cacheDir: string;
  kits: BootKits;
  now: () => number;
  uuid: () => string;
}

export function createBaseCache({ cacheDir, kits, now, uuid }: BaseCacheOptions) {
  const root = join(cacheDir, 'debootstrap');

  async function read(key: string): Promise<(CachedBase & { builtAtMs: number }) | undefined> {
    const text = await readFile(join(root, `${key}.json`), 'utf8').catch(ignoreMissing);
    if (text === undefined) return undefined;
    const record = JSON.parse(text) as BaseRecord;
    const path = join(root, record.file);
    return (
      (await stat(path).catch(ignoreMissing)) && { path, sha256: record.sha256, builtAtMs: record.builtAtMs }
    );
  }

  const isFresh = (base: { builtAtMs: number }, { cacheDays }: DebootstrapParameters): boolean =>
    cacheDays === undefined || now() - base.builtAtMs < cacheDays * DAY_MS;

  async function build(
    wanted: Pick<BuildRequest, 'parameters' | 'kit' | 'operation' | 'keyring'>,
    log: Logger,
    signal: AbortSignal,
  ): Promise<CachedBase> {
    const { parameters, kit } = wanted;
    const key = keyOf(parameters, kit);
    const work = join(root, `${key}.work`);
    const packageCache = join(root, 'packages');
    await rm(work, { recursive: true, force: true });
    await removeOthers(root, key, (await read(key))?.path);
    try {
      const started = now();
      const built = await buildBase({ ...wanted, work, packageCache, uuid: uuid() }, log, signal);
      const file = `${key}-${built.sha256}.raw`;
      await publish(built.image, join(root, file));
      const record: BaseRecord = { file, sha256: built.sha256, builtAtMs: now(), kernel: kernelOf(kit) };
      await writeFile(join(work, 'record.json'), JSON.stringify(record));
      await publish(join(work, 'record.json'), join(root, `${key}.json`));
      await pruneOld(packageCache, 60, now());
      log('info', `base image of ${parameters.suite} built in ${Math.round((now() - started) / 1000)} s`);
      return { path: join(root, file), sha256: built.sha256 };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** What its time says keeps it from going. */
  async function used<T>(key: string, base: T): Promise<T> {
    await utimes(join(root, `${key}.json`), now() / 1000, now() / 1000).catch(ignoreMissing);
    return base;
  }

  /** Tidiness: what stands against it is told, and stops nothing. */
  async function sweep(kernel: string, log: Logger, signal: AbortSignal): Promise<void> {
    try {
      for (const key of await oldBases(root, kernel, now()))
        await withFileLock(
          join(root, `${key}.lock`),
          async () => {
            if (!(await oldBases(root, kernel, now())).includes(key)) return;
            await removeBase(root, key);
            log('info', `base image ${key} of an older kernel removed from the cache`);
          },
          { signal },
        );
    } catch (error) {
      signal.throwIfAborted();
      log('warn', `base images of older kernels stay in ${root}: ${(error as Error).message}`);
    }
  }

  return {
    /**
     * The base image for these parameters, built now if it is not there or too old. Builders of the same one wait for
     * each other; one that is too old serves when the mirror is away.
     */
    async get(
      parameters: DebootstrapParameters,
      operation: string,
      log: Logger,
      signal: AbortSignal,
    ): Promise<CachedBase> {
      const kit = await kits.current(log, signal);
      const present = keyOf(parameters, kit);
      const there = await read(present);
      await sweep(kernelOf(kit), log, signal);
      if (there && isFresh(there, parameters)) return used(present, there);
      await mkdir(root, { recursive: true });
      const keyring = await keyringOf(parameters.suite, parameters.keyring);
      try {
        await checkMirror(parameters, signal);
      } catch (error) {
        if (!there || !isGantryError(error, 'mirror_unreachable')) throw error;
        log(
          'warn',
          `${error.message}; the base image of ${new Date(there.builtAtMs).toISOString()} is used again`,
        );
        return used(present, there);
      }
      // A new base takes a new kernel with it, so that a guest's modules always fit its kernel.
      const newest = await kits.refresh(
        (parameters.cacheDays ?? Number.POSITIVE_INFINITY) * DAY_MS,
        log,
        signal,
      );
      const key = keyOf(parameters, newest);
      return withFileLock(
        join(root, `${key}.lock`),
        async () => {
          const meanwhile = await read(key);
          if (meanwhile && isFresh(meanwhile, parameters)) return used(key, meanwhile);
          return build({ parameters, kit: newest, operation, keyring }, log, signal);
        },
        { signal, onWait: () => log('info', 'waiting for another build of the same base image') },
      );
    },
  };
}

/** All that decides what is in the image. */
export const keyOf = (parameters: DebootstrapParameters, kit: BootKit): string => {
  const { proxy: _, cacheDays: __, ...content } = parameters;
  const fields = { recipe, kernel: kernelOf(kit), ...content };
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex').slice(0, 32);
};

const kernelOf = ({ release, version }: Pick<BootKit, 'release' | 'version'>): string =>
  `${release} ${version}`;

/** Images of these parameters that the record no longer names. */
async function removeOthers(root: string, key: string, keep: string | undefined): Promise<void> {
  for (const name of await readdir(root))
    if (name.startsWith(`${key}-`) && join(root, name) !== keep) await rm(join(root, name), { force: true });
}
