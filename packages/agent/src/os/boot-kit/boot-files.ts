/**
 * The files that a guest boots from, as copies of its own in its own folder: libvirt hands them to the guest's user,
 * and a newer kernel on the node reaches a guest only by an explicit step, never by a restart.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Boot, err, type GuestSpec } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { copyDurably, ignoreMissing, replaceFile, syncPath } from '../../storage/durable.ts';
import type { BootKits } from './boot-kit.ts';
import { type HostKey, makeHostKey } from './host-key.ts';
import { hostnameOf, identityArchive } from './identity.ts';
import { kernelArgs } from './kernel-args.ts';
import { seedPath, writeSeed } from './seed.ts';

/** What of a guest's domain comes from these files. */
export interface PreparedBoot {
  /** Direct kernel boot; absent: firmware boots the disk. */
  kernel?: string;
  initrd?: string;
  kernelArgs?: string;
  /** A CD with the NoCloud seed. */
  seedIso?: string;
}

export interface BootFiles {
  /**
   * Writes the guest's boot files into `dir`, which exists and is its own. May be repeated; identity and seed are
   * written anew, kernel and host key are kept.
   * @throws GantryError `guest_refused` (a kernel or initrd that is not there), `download_failed`
   */
  prepare(
    spec: GuestSpec,
    dir: string,
    context: { accelerator: 'kvm' | 'tcg'; log: Logger; signal: AbortSignal },
  ): Promise<PreparedBoot>;
  /** What `prepare` would give, without writing anything. */
  foresee(spec: GuestSpec, dir: string, accelerator: 'kvm' | 'tcg'): PreparedBoot;
}

function foresee({ input }: GuestSpec, dir: string, accelerator: 'kvm' | 'tcg'): PreparedBoot {
  const seed = input.cloudInit ? { seedIso: seedPath(dir) } : {};
  if (input.boot.kernel === 'disk') return seed;
  const direct = {
    ...seed,
    kernel: join(dir, 'kernel'),
    kernelArgs: kernelArgs(input.boot, accelerator),
  };
  return wantedInitrd(input.boot) === undefined ? direct : { ...direct, initrd: join(dir, 'initrd') };
}

const wantedInitrd = ({ kernel, initrd }: Boot): string | undefined =>
  initrd ?? (kernel === 'node' ? 'node' : undefined);

export function createBootFiles(kits: BootKits): BootFiles {
  return {
    async prepare(spec, dir, { accelerator, log, signal }) {
      const { boot, cloudInit } = spec.input;
      const foreseen = foresee(spec, dir, accelerator);
      if (cloudInit) await writeSeed(spec, dir, signal);
      if (boot.kernel === 'disk') return foreseen;

      const kernel = join(dir, 'kernel');
      const base = join(dir, 'initrd.base');
      const initrd = wantedInitrd(boot);
      const needsKit = boot.kernel === 'node' || initrd === 'node';
      // Both are taken at the same time or not at all: a kernel without its modules is of no use.
      const kept = needsKit && (await exists(kernel)) && (await exists(base));
      if (!kept) {
        const kit = needsKit ? await kits.current(log, signal) : undefined;
        await Promise.all([
          copyWhole(boot.kernel === 'node' ? kit?.kernel : boot.kernel, kernel),
          copyWhole(initrd === 'node' ? kit?.initrd : initrd, base),
        ]);
      }
      if (initrd === undefined) return foreseen;
      const archive = identityArchive(spec, await hostKeyOf(dir, hostnameOf(spec)));
      await replaceFile(join(dir, 'initrd'), Buffer.concat([await readFile(base), archive]));
      return foreseen;
    },
    foresee,
  };
}

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ignoreMissing)) !== undefined;

/** Kept for ever, so it must not be one that a power cut left empty. */
async function copyWhole(from: string | undefined, to: string): Promise<void> {
  if (from === undefined) return;
  try {
    await copyDurably(from, to);
  } catch (error) {
    throw err(
      'guest_refused',
      { why: `${from} cannot be read (${(error as NodeJS.ErrnoException).code})` },
      error,
    );
  }
}

/** Made once per guest and kept beside its other files. */
async function hostKeyOf(dir: string, hostname: string): Promise<HostKey> {
  const path = join(dir, 'host-key.json');
  const kept = await readFile(path, 'utf8').catch(ignoreMissing);
  if (kept !== undefined) return JSON.parse(kept) as HostKey;
  const made = makeHostKey(`root@${hostname}`);
  await replaceFile(path, JSON.stringify(made));
  await syncPath(path);
  return made;
}
