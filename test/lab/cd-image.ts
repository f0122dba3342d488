/** Images of CDs, by Debian's own tool. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { succeed } from './run.ts';
import { tinyGuestImage } from './tiny-guest.ts';

/** A CD sector; so much of the program is loaded. */
const BOOT_BYTES = 2048;

/**
 * With that text in its only file, `content`. With a greeting it boots as the tiny guest does, and prints that (El Torito
 * without emulation, as all installers do).
 */
export async function writeCd(path: string, label: string, text: string, greeting?: string): Promise<void> {
  const tree = `${path}.tree`;
  await mkdir(tree);
  await writeFile(join(tree, 'content'), text);
  const boots = greeting === undefined ? [] : ['-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4'];
  if (greeting !== undefined)
    await writeFile(join(tree, 'boot.bin'), tinyGuestImage(greeting).subarray(0, BOOT_BYTES));
  const catalogue = boots.length > 0 ? ['-c', 'boot.cat'] : [];
  await succeed(['genisoimage', '-quiet', '-r', '-V', label, ...boots, ...catalogue, '-o', path, tree]);
  await rm(tree, { recursive: true });
}
