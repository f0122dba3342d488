/**
 * What KVM is tested with: the kernel that guests get, where it is here already; else the one that this machine itself
 * runs, as nothing has to be fetched for that. Only a machine that shows neither waits for a download.
 */
import { access, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '../actions.ts';
import type { BootKit, BootKits } from '../os/boot-kit/boot-kit.ts';
import { BUSYBOX, selftestInitramfs } from '../os/boot-kit/initramfs.ts';
import type { TestKernel } from './accelerator.ts';

export interface TestKernelSources {
  kits: Pick<BootKits, 'present' | 'current'>;
  /** Where the initramfs for this machine's own kernel is written. */
  initrd: string;
  log: Logger;
  /** For tests. */
  boot?: string;
  busybox?: string;
}

/** @throws GantryError `download_failed` */
export async function findTestKernel(sources: TestKernelSources, signal: AbortSignal): Promise<TestKernel> {
  const { kits, log } = sources;
  const kit = await kits.present(log, signal);
  if (kit) return ofKit(kit);
  return (await ownKernel(sources)) ?? ofKit(await kits.current(log, signal));
}

const ofKit = ({ kernel, initrd, release: name, version }: BootKit): TestKernel => ({
  kernel,
  initrd,
  version: `${name} ${version}`,
});

/** Undefined where it, or busybox, cannot be read: in a container, say. */
async function ownKernel({
  initrd,
  boot = '/boot',
  busybox = BUSYBOX,
}: TestKernelSources): Promise<TestKernel | undefined> {
  const kernel = join(boot, `vmlinuz-${release()}`);
  const program = await readFile(busybox).catch(() => undefined);
  if (!program || !(await isReadable(kernel))) return undefined;
  await mkdir(dirname(initrd), { recursive: true });
  await writeFile(`${initrd}.new`, selftestInitramfs(program));
  await rename(`${initrd}.new`, initrd);
  return { kernel, initrd, version: release() };
}

const isReadable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
