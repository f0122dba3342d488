/** Instances and disks whose status follows from what was just reported. */
import { isDeepStrictEqual } from 'node:util';
import type { Guest, Replica } from '@gantry/model';
import type { App } from '../api/call.ts';
import type { Resource } from '../kinds.ts';
import { isBinding } from '../operations/binding.ts';
import { deriveDisk, deriveInstance } from '../operations/derive.ts';
import type { Draft } from '../store/batch.ts';

export async function deriveTouched(app: App, draft: Draft, touched: Resource[]): Promise<void> {
  for (const object of touched) {
    if (object.kind === 'guest') await rederive(app, draft, object, false);
    if (object.kind === 'replica') await rederiveDisk(app, draft, object);
  }
}

/** Puts the instance of a guest if its status follows differently now. */
export async function rederive(
  app: Pick<App, 'store'>,
  draft: Draft,
  guest: Guest,
  nodeLost: boolean,
): Promise<void> {
  const read = await app.store.get('instance', guest.spec.instance);
  if (!read) return;
  const instance = draft.current(read);
  // one that is on its way here, or left behind, says nothing of the instance
  if (instance.status.epoch && !isBinding(guest, instance)) return;
  const busy = instance.status.operation && (await app.store.get('operation', instance.status.operation));
  const status = deriveInstance(instance, guest, busy || undefined, nodeLost);
  if (instance !== read || !isDeepStrictEqual(status, read.status)) draft.put({ ...instance, status });
  if (busy) draft.relyOn(busy);
}

async function rederiveDisk(app: App, draft: Draft, replica: Replica): Promise<void> {
  const disk = replica.spec.what === 'disk' ? await app.store.get('disk', replica.spec.disk) : undefined;
  if (!disk) return;
  const { items } = await app.store.list('replica', { owner: disk.id });
  const status = deriveDisk(
    disk,
    items.map((each) => (each.id === replica.id ? replica : draft.current(each))),
  );
  if (!isDeepStrictEqual(status, disk.status)) draft.put({ ...disk, status });
}
