/** The initramfs of guests that boot a kernel of the node: one busybox, one script, and the modules it loads. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initScript } from './init-script.ts';
import { loadOrder, wantedModules } from './modules.ts';
import { type CpioEntry, writeNewc } from './newc.ts';

/** A static one, as Debian's busybox-static has it. */
export const BUSYBOX = '/bin/busybox';

const programs = (busybox: Uint8Array): CpioEntry[] => [
  { path: 'init', mode: 0o755, content: initScript },
  { path: 'bin/busybox', mode: 0o755, content: busybox },
];

/** Without modules: it comes as far as its init, which is what the self-test of an accelerator asks. */
export const selftestInitramfs = (busybox: Uint8Array): Buffer => writeNewc(programs(busybox));

/**
 * Not compressed: unpacking costs a guest under TCG more than reading 3 MiB.
 * @param modules folder with the kernel's modules and their index
 */
export async function buildInitramfs(modules: string, busybox: Uint8Array): Promise<Buffer> {
  const modulesDep = await readFile(join(modules, 'modules.dep'), 'utf8');
  const loaded = new Set<string>();
  const entries = programs(busybox);
  for (const [list, wanted] of Object.entries(wantedModules)) {
    const paths = loadOrder(modulesDep, wanted, loaded);
    for (const path of paths)
      entries.push({ path: `modules/${fileName(path)}`, content: await readFile(join(modules, path)) });
    entries.push({ path: `modules/${list}`, content: paths.map((path) => `${fileName(path)}\n`).join('') });
  }
  return writeNewc(entries);
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
