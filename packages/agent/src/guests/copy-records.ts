/**
 * What the agent must know of copies of running guests that it has begun, whenever it is killed: a guest may be frozen,
 * QEMU may be writing, or files may be whole and not have their names yet.
 *
 *     DIR/agent/copies/INSTANCE.json
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GuestCopies, isUuid } from '@gantry/model';
import { writeDurably } from '../host/durable.ts';
import type { SeenCopy } from '../observation.ts';
import { ignoreMissing, listNames, makeDirectories, removeDurably } from '../storage/durable.ts';

export interface CopyRecord {
  copies: GuestCopies;
  /** `copied`: every file holds what it shall, and only the names are missing. */
  phase: 'freezing' | 'copying' | 'copied';
  /** libvirt's id of the domain, to know it from a later start. */
  domainId: number;
}

export interface CopyRecords {
  read(instance: string): Promise<CopyRecord | undefined>;
  write(instance: string, record: CopyRecord): Promise<void>;
  remove(instance: string): Promise<void>;
  list(): Promise<SeenCopy[]>;
}

export function copyRecords(stateDir: string): CopyRecords {
  const dir = join(stateDir, 'agent', 'copies');
  const pathOf = (instance: string) => join(dir, `${instance}.json`);
  const read = async (instance: string): Promise<CopyRecord | undefined> => {
    const text = await readFile(pathOf(instance), 'utf8').catch(ignoreMissing);
    return text === undefined ? undefined : (JSON.parse(text) as CopyRecord);
  };
  return {
    read,
    async write(instance, record) {
      await makeDirectories(dir);
      await writeDurably(pathOf(instance), JSON.stringify(record));
    },
    remove: (instance) => removeDurably(pathOf(instance)),
    async list() {
      const names = (await listNames(dir)).flatMap((name) => name.match(/^(.*)\.json$/)?.[1] ?? []);
      const records = await Promise.all(
        names.filter(isUuid).map(async (instance) => ({ instance, record: await read(instance) })),
      );
      return records.flatMap(({ instance, record }) =>
        record ? [{ instance, operation: record.copies.operation }] : [],
      );
    },
  };
}
