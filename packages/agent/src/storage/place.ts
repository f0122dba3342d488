/**
 * Whether the file system that storage lies on is there. Storage that is not mounted is an empty folder of the root file
 * system: its disks seem gone, and new ones would fill the wrong disk. So the storage bears a mark, and the agent keeps a
 * copy of it elsewhere. The mark is made before the first thing is written, and on the disk before its copy.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { writeDurably } from '../host/durable.ts';
import { ignoreMissing } from './durable.ts';
import { storageRoot } from './layout.ts';

export const MARK = '.gantry-storage';

export interface StoragePlace {
  /** Why what lies there is not the storage; undefined: it is, or nothing was written yet. */
  fault(): Promise<string | undefined>;
  /** Before something is written. @throws GantryError `host_unfit` */
  require(): Promise<void>;
}

const readText = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then((text) => text.trim(), ignoreMissing);

export function storagePlace(stateDir: string, uuid: () => string): StoragePlace {
  const root = storageRoot(stateDir);
  const mark = join(root, MARK);
  const copy = join(stateDir, 'agent', 'storage-mark');
  /** Two who write first make one mark. */
  let marking: Promise<void> | undefined;

  async function fault(): Promise<string | undefined> {
    const [known, found] = await Promise.all([readText(copy), readText(mark)]);
    if (known === undefined || known === found) return undefined;
    return found === undefined
      ? `${mark} is not there: the file system of its disks is not mounted`
      : `${mark} is that of another storage`;
  }

  async function makeMark(): Promise<void> {
    if ((await readText(copy)) !== undefined) return;
    await mkdir(root, { recursive: true, mode: 0o711 });
    const found = await readText(mark);
    const text = found ?? uuid();
    if (found === undefined) await writeDurably(mark, `${text}\n`, 0o644);
    await writeDurably(copy, `${text}\n`);
  }

  return {
    fault,
    async require() {
      marking ??= makeMark().finally(() => {
        marking = undefined;
      });
      await marking;
      const why = await fault();
      if (why !== undefined)
        throw err('host_unfit', {
          why: `nothing is written to ${root}: ${why}`,
          remedy: `Mount it, and its disks are there again. If another one takes its place for good, remove ${copy}.`,
        });
    },
  };
}
