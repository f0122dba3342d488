import { type Attachment, type Guest, type Instance, operationEnded, type Replica } from '@gantry/model';
import type { Env } from '../env.ts';
import type { Resource } from '../kinds.ts';
import { isBinding } from '../operations/binding.ts';
import { isCurrent } from '../operations/view.ts';
import { Draft } from '../store/batch.ts';
import { Conflict } from '../store/conflict.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

type Tombstone = Replica | Attachment | Guest;

/**
 * Rows of bases, attachments and disks that shall be absent and are; and what a move left on a node that cleared it only
 * after the operation had ended. All else of instances goes with their operation.
 */
export function removeTombstones(store: Store, env: Env): Task {
  return {
    name: 'remove-tombstones',
    periodMs: 60_000,
    wants: ({ changes }) =>
      changes.some(
        ({ op, object }) => op === 'put' && isTombstone(object) && object.status.state === 'absent',
      ),
    async run() {
      const absent = { states: ['absent'] };
      const all = [
        ...(await store.list('replica', absent)).items,
        ...(await store.list('attachment', absent)).items,
        ...(await store.list('guest', absent)).items,
      ];
      for (const object of all) {
        if (!isTombstone(object) || !isCurrent(object)) continue;
        const draft = new Draft(env.clock.now()).remove(object);
        if (!(await isOver(store, draft, object))) continue;
        await store.commit(draft.batch).catch((error: unknown) => {
          if (!(error instanceof Conflict)) throw error;
        });
      }
    },
  };
}

function isTombstone(object: Resource): object is Tombstone {
  if (object.kind === 'attachment' || object.kind === 'replica') return object.spec.desired === 'absent';
  return object.kind === 'guest' && object.spec.remove;
}

/** No operation looks at it any more. What goes with it is added to the draft. */
async function isOver(store: Store, draft: Draft, object: Tombstone): Promise<boolean> {
  if (object.kind === 'guest') return isLeftBehind(store, object);
  return object.kind === 'attachment' || object.spec.what === 'base' || diskIsOver(store, draft, object);
}

/** Its instance is bound elsewhere. */
async function isLeftBehind(store: Store, guest: Guest): Promise<boolean> {
  const instance = await store.get('instance', guest.spec.instance);
  return instance !== undefined && !isBinding(guest, instance) && !(await isBusy(store, instance));
}

/**
 * Of a disk that is on another node now nothing but this goes; of one that was its own, or that its instance gave up, the
 * row and the name go, too. All others of instances go with their operation.
 */
async function diskIsOver(store: Store, draft: Draft, { id, spec }: Replica): Promise<boolean> {
  const disk = spec.what === 'disk' ? await store.get('disk', spec.disk) : undefined;
  if (!disk) return false;
  const instance = disk.spec.instance && (await store.get('instance', disk.spec.instance));
  if (instance && (await isBusy(store, instance))) return false;
  const others = (await store.list('replica', { owner: disk.id })).items.filter((each) => each.id !== id);
  if (others.some((each) => each.spec.desired === 'present')) return true;
  const kept = disk.spec.instance !== undefined && disk.spec.role !== 'aside';
  if (others.length > 0 || kept) return false;
  draft.remove(disk).release(disk.id);
  return true;
}

async function isBusy(store: Store, { status }: Instance): Promise<boolean> {
  const operation = status.operation && (await store.get('operation', status.operation));
  return operation ? !operationEnded(operation.status.state) : false;
}
