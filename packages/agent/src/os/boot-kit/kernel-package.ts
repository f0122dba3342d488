/** A kernel for guests out of Debian's packages, by apt and its signatures; nothing is installed on the node. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { ProcessError, run } from '../../process/run.ts';

export interface KernelPackage {
  /** linux-image-6.1.0-56-cloud-amd64 */
  name: string;
  version: string;
}

const failed = (why: string, cause?: unknown) =>
  err('download_failed', { what: 'the kernel for guests', why }, cause);

/**
 * The newest kernel package that apt knows: of the `cloud` flavour, which is small and has all of virtio, else the
 * general one.
 * @throws GantryError `download_failed`
 */
export async function findKernelPackage(signal: AbortSignal): Promise<KernelPackage> {
  const arch = (await run(['dpkg', '--print-architecture'], { signal })).stdout.trim();
  for (const meta of [`linux-image-cloud-${arch}`, `linux-image-${arch}`]) {
    const { stdout } = await run(['apt-cache', 'show', '--no-all-versions', meta], {
      signal,
      okCodes: [0, 100],
    });
    const found = /^Depends:.*?\b(linux-image-\S+) \(= ([^)\s]+)\)/m.exec(stdout);
    if (found?.[1] && found[2]) return { name: found[1], version: found[2] };
  }
  throw failed('apt knows no kernel package; run `apt-get update` on the node');
}

/**
 * Downloads and unpacks it below `folder`.
 * @returns path of vmlinuz, and the folder that holds lib/modules/RELEASE
 * @throws GantryError `download_failed`
 */
export async function unpackKernel(kernel: KernelPackage, folder: string, log: Logger, signal: AbortSignal) {
  log('info', `downloading ${kernel.name} ${kernel.version}`);
  const download = [
    'apt-get',
    '-o',
    'APT::Sandbox::User=root',
    'download',
    `${kernel.name}=${kernel.version}`,
  ];
  await run(download as [string, ...string[]], { cwd: folder, signal, timeoutMs: 600_000 }).catch(
    (error: unknown) => {
      throw error instanceof ProcessError && error.reason !== 'aborted'
        ? failed(error.message, error)
        : error;
    },
  );
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw failed('apt-get download left no package');
  const tree = join(folder, 'tree');
  await run(['dpkg-deb', '-x', join(folder, archive), tree], { signal });
  const release = (await readdir(join(tree, 'lib/modules')))[0];
  if (release === undefined) throw failed(`${kernel.name} has no modules`);
  await run(['depmod', '-b', tree, release], { signal });
  return { tree, release, vmlinuz: join(tree, 'boot', `vmlinuz-${release}`) };
}
