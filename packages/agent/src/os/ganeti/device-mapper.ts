import { readFile } from 'node:fs/promises';
import { run } from '../../process/run.ts';

/** Whether kpartx can map partitions: the kernel has device-mapper, or can load it. */
export async function hasDeviceMapper(): Promise<boolean> {
  const isThere = async () => / device-mapper$/m.test(await readFile('/proc/misc', 'utf8'));
  if (await isThere()) return true;
  await run(['modprobe', '--quiet', 'dm_mod'], { okCodes: [0, 1] });
  return isThere();
}
