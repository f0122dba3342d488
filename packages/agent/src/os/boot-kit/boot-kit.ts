/**
 * The node's kernel for guests, with its initramfs and modules, in the cache:
 *
 *     CACHE/boot-kit/RELEASE_VERSION/vmlinuz, lib/modules/RELEASE, initrd-DIGEST.img, kit.json
 *     CACHE/boot-kit/current            names the folder that new guests use
 *
 * Folders are complete before they get their name and never change; guests have copies of their own. One that was replaced
 * goes when no build can read it any more.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../actions.ts';
import { withFileLock } from '../../process/file-lock.ts';
import { run } from '../../process/run.ts';
import { ignoreMissing, publish } from '../../storage/durable.ts';
import { initScript } from './init-script.ts';
import { BUSYBOX, buildInitramfs } from './initramfs.ts';
import { findKernelPackage, type KernelPackage, unpackKernel } from './kernel-package.ts';
import { wantedModules } from './modules.ts';
import { oldKits, removeFolders, removeKits, SCRATCH } from './old-kits.ts';

export interface BootKit {
  /** As `uname -r` says in the guest. */
  release: string;
  /** Version of the package. */
  version: string;
  kernel: string;
  initrd: string;
  /** Folder `RELEASE` with the kernel's modules and their index. */
  modules: string;
  obtainedAtMs: number;
}

export interface BootKits {
  /** The kit that is here; undefined: none was obtained yet. */
  present(log: Logger, signal: AbortSignal): Promise<BootKit | undefined>;
  /**
   * The kit that new guests get; obtained now when there is none.
   * @throws GantryError `download_failed`
   */
  current(log: Logger, signal: AbortSignal): Promise<BootKit>;
  /** Takes a newer kernel if apt has one and the kit is older than `maxAgeMs`; keeps the old one when that fails. */
  refresh(maxAgeMs: number, log: Logger, signal: AbortSignal): Promise<BootKit>;
}

interface KitRecord extends KernelPackage {
  release: string;
  obtainedAtMs: number;
}

export interface BootKitOptions {
  cacheDir: string;
  now: () => number;
  uuid: () => string;
  busybox?: string;
}

export function createBootKits({ cacheDir, now, uuid, busybox = BUSYBOX }: BootKitOptions): BootKits {
  const root = join(cacheDir, 'boot-kit');
  const pointer = join(root, 'current');
  const locked = <T>(signal: AbortSignal, log: Logger, work: () => Promise<T>) =>
    withFileLock(join(root, 'lock'), work, {
      signal,
      onWait: () => log('info', 'waiting for another process that prepares the kernel for guests'),
    });

  async function read(): Promise<(KitRecord & { folder: string }) | undefined> {
    const name = await readFile(pointer, 'utf8').catch(ignoreMissing);
    if (name === undefined) return undefined;
    const folder = join(root, name.trim());
    const text = await readFile(join(folder, 'kit.json'), 'utf8').catch(ignoreMissing);
    return text === undefined ? undefined : { ...(JSON.parse(text) as KitRecord), folder };
  }

  async function fetch(wanted: KernelPackage, log: Logger, signal: AbortSignal): Promise<void> {
    // of those who held the lock before and were killed
    await removeFolders(root, (name) => name.startsWith(SCRATCH));
    const scratch = join(root, `${SCRATCH}${uuid()}`);
    await mkdir(join(scratch, 'kit', 'lib'), { recursive: true });
    try {
      const { tree, release, vmlinuz } = await unpackKernel(wanted, scratch, log, signal);
      const kit = join(scratch, 'kit');
      await rename(vmlinuz, join(kit, 'vmlinuz'));
      await rename(join(tree, 'lib/modules'), join(kit, 'lib/modules'));
      const record: KitRecord = { ...wanted, release, obtainedAtMs: now() };
      await writeFile(join(kit, 'kit.json'), JSON.stringify(record));
      const name = `${release}_${wanted.version}`.replaceAll(/[^A-Za-z0-9._+~-]/g, '_');
      await rm(join(root, name), { recursive: true, force: true });
      // dpkg leaves that to others, and what has its name is never looked into again
      await run(['sync', '--file-system', kit], { signal });
      await rename(kit, join(root, name));
      await writeWhole(pointer, `${name}\n`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async function present(log: Logger, signal: AbortSignal): Promise<BootKit | undefined> {
    const record = await read();
    if (!record) return undefined;
    const { folder, release, version, obtainedAtMs } = record;
    const modules = join(folder, 'lib/modules', release);
    const program = await readFile(busybox);
    const initrd = join(folder, `initrd-${digestOf(initScript, JSON.stringify(wantedModules), program)}.img`);
    if (!(await stat(initrd).catch(ignoreMissing)))
      await locked(signal, log, async () => writeWhole(initrd, await buildInitramfs(modules, program)));
    return { release, version, kernel: join(folder, 'vmlinuz'), initrd, modules, obtainedAtMs };
  }

  /** Tidiness: what stands against it is told, and stops nothing. */
  async function sweep(log: Logger, signal: AbortSignal): Promise<void> {
    const due = async () => {
      const name = await readFile(pointer, 'utf8').catch(ignoreMissing);
      return name === undefined ? [] : oldKits(root, pointer, name.trim(), now());
    };
    try {
      if ((await due()).length === 0) return;
      await locked(signal, log, async () => removeKits(root, await due(), uuid));
    } catch (error) {
      signal.throwIfAborted();
      log('warn', `old kernels stay in ${root}: ${(error as Error).message}`);
    }
  }

  return {
    present,

    async current(log, signal) {
      await mkdir(root, { recursive: true });
      if (!(await read()))
        await locked(signal, log, async () => {
          if (!(await read())) await fetch(await findKernelPackage(signal), log, signal);
        });
      const kit = await present(log, signal);
      if (!kit) throw new Error(`${pointer} names nothing`);
      return kit;
    },

    async refresh(maxAgeMs, log, signal) {
      const kit = await this.current(log, signal);
      await sweep(log, signal);
      if (now() - kit.obtainedAtMs < maxAgeMs) return kit;
      try {
        await locked(signal, log, async () => {
          const newest = await findKernelPackage(signal);
          const seen = await read();
          if (newest.version === seen?.version)
            await writeWhole(join(seen.folder, 'kit.json'), renewed(seen, now()));
          else await fetch(newest, log, signal);
        });
      } catch (error) {
        signal.throwIfAborted();
        log('warn', `kernel ${kit.release} stays in use: ${(error as Error).message}`);
      }
      return this.current(log, signal);
    },
  };
}

const renewed = ({ name, version, release }: KitRecord, nowMs: number): string =>
  JSON.stringify({ name, version, release, obtainedAtMs: nowMs } satisfies KitRecord);

const digestOf = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
};

async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.partial`, content);
  await publish(`${path}.partial`, path);
}
