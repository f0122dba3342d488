/** Disks whose base is not there: QEMU would not open them. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseQcow2Header } from '@gantry/model';
import type { SeenDisk } from '../observation.ts';
import { readHead } from './backing.ts';

/** By disk: the base that it stands on and that is not there. */
export async function lacking(disks: readonly SeenDisk[]): Promise<Map<string, string>> {
  const lacks = new Map<string, string>();
  for (const { disk, path, state, template } of disks) {
    if (state !== 'ready' || template !== 'file-qcow2') continue;
    const base = await baseOf(path);
    if (base !== undefined && !(await isThere(base))) lacks.set(disk, base);
  }
  return lacks;
}

/** Undefined: none, or its header cannot be read. */
async function baseOf(path: string): Promise<string | undefined> {
  try {
    const { backingFile } = parseQcow2Header(await readHead(path));
    return backingFile === undefined ? undefined : resolve(dirname(path), backingFile);
  } catch {
    return undefined;
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT',
  );
