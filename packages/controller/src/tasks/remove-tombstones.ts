import type { Attachment, Replica } from '@gantry/model';
import type { Env } from '../env.ts';
import type { Resource } from '../kinds.ts';
import { isCurrent } from '../operations/view.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

/** Rows of bases, attachments and disks that shall be absent and are. Those of instances go with their operation. */
export function removeTombstones(store: Store, env: Env): Task {
  return {
    name: 'remove-tombstones',
    periodMs: 60_000,
    wants: ({ changes }) =>
      changes.some(
        ({ op, object }) => op === 'put' && isTombstone(object) && object.status.state === 'absent',
      ),
    async run() {
      const replicas = (await store.list('replica', { states: ['absent'] })).items;
      const attachments = (await store.list('attachment', { states: ['absent'] })).items;
      for (const object of [...replicas, ...attachments]) {
        if (!isTombstone(object) || !isCurrent(object)) continue;
        const draft = new Draft(env.clock.now()).remove(object);
        if (
          object.kind === 'replica' &&
          object.spec.what === 'disk' &&
          !(await dropDisk(store, draft, object))
        )
          continue;
        await store.commit(draft.batch).catch((error: unknown) => {
          if (!(error instanceof Conflict)) throw error;
        });
      }
    },
  };
}

/** The row and the name of a disk that was its own; those of instances go with their operation. */
async function dropDisk(store: Store, draft: Draft, { spec }: Replica): Promise<boolean> {
  const disk = spec.what === 'disk' ? await store.get('disk', spec.disk) : undefined;
  if (!disk || disk.spec.instance !== undefined) return false;
  draft.remove(disk).release(disk.id);
  return true;
}

function isTombstone(object: Resource): object is Replica | Attachment {
  if (object.kind === 'attachment') return object.spec.desired === 'absent';
  return object.kind === 'replica' && object.spec.desired === 'absent';
}
