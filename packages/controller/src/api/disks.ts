/** Disks: by themselves, and as devices of instances. */
import { type Disk, err, type Instance, requirePermitted } from '@gantry/model';
import { beginAttach, beginDetach, beginGrow, beginSetDisk } from '../operations/begin-disk.ts';
import { requireDiskIdle } from '../operations/new-operation.ts';
import { projectOf } from '../operations/project-of.ts';
import { Draft, withSpec, withStatus } from '../store/batch.ts';
import { accepted, changeable } from './begun.ts';
import { type Asking, committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf, textReply } from './list.ts';
import { createNamed, deleteNamed } from './named.ts';

export const listDisks: Handler<'listDisks'> = (call) => textReply(call, 'disk');
export const getDisk: Handler<'getDisk'> = async (call) =>
  resourceReply(await resolveDisk(call, refOf(call)));

const MIB = 2 ** 20;

/** Its bytes are made on the node of the first instance that it is attached to. */
export const createDisk: Handler<'createDisk'> = async (call) => {
  const { name, labels, sizeMiB, template = 'file-qcow2' } = call.body;
  const spec = {
    index: 0,
    template,
    sizeBytes: sizeMiB * MIB,
    source: { kind: 'blank' as const },
    ownedByInstance: false,
  };
  const project = await projectOf(call);
  return createNamed(call, 'disk', { name, labels, project, spec, status: { state: 'unplaced' } });
};

/** Its bytes go, then its row and its name (task `remove-tombstones`). */
export const deleteDisk: Handler<'deleteDisk'> = async (call) => {
  const disk = await resolveDisk(call, refOf(call));
  requireMatch(call, disk);
  const { store, env } = call.app;
  await requireDiskIdle(store, disk);
  const holder = disk.spec.instance && (await store.get('instance', disk.spec.instance));
  if (holder) throw err('disk_attached', { name: disk.name, instance: holder.name });
  const { items: replicas } = await store.list('replica', { owner: disk.id });
  if (replicas.length === 0) return deleteNamed(call, disk);
  const removed = withStatus(disk, { state: 'deleting' });
  if (call.query.plan) return resourceReply(removed);
  const draft = new Draft(env.clock.now());
  for (const replica of replicas) draft.put(withSpec(replica, { desired: 'absent' }) as typeof replica);
  draft.put(removed);
  const written = await call.commit(draft, { subject: disk, message: `delete disk ${disk.name}`, removed });
  return resourceReply(committed(written, removed));
};

export const growDisk: Handler<'growDisk'> = async (call) => {
  const disk = await resolveDisk(call, refOf(call));
  requireMatch(call, disk);
  const holder = disk.spec.instance && (await call.app.store.get('instance', disk.spec.instance));
  if (holder) requirePermitted('grow a disk of', holder);
  if (disk.status.state !== 'ready')
    throw err('wrong_state', {
      kind: 'disk',
      name: disk.name,
      state: disk.status.state,
      action: 'grow it',
      permitted: 'It can grow when it is ready; an unplaced one is deleted and made anew.',
    });
  return accepted(call, await beginGrow(call, disk, call.body), disk, 'grow');
};

export const attachDisk: Handler<'attachDisk'> = async (call) => {
  const instance = await changeable(call, 'attach a disk to');
  return accepted(call, await beginAttach(call, instance, call.body), instance, 'attach a disk to');
};

export const detachDisk: Handler<'detachDisk'> = async (call) => {
  const instance = await changeable(call, 'detach a disk from');
  const disk = await diskOf(call, instance, call.params['disk'] ?? '');
  return accepted(call, await beginDetach(call, instance, disk, call.query), instance, 'detach a disk from');
};

export const setDisk: Handler<'setDisk'> = async (call) => {
  const instance = await changeable(call, 'set a disk of');
  const disk = await diskOf(call, instance, call.params['disk'] ?? '');
  return accepted(call, await beginSetDisk(call, instance, disk, call.body), instance, 'set a disk of');
};

/** By place, name or id. @throws GantryError `not_found` */
async function diskOf({ app }: Asking, instance: Instance, ref: string): Promise<Disk> {
  const { items } = await app.store.list('disk', { owner: instance.id });
  const found = items.find(({ id, name, spec }) => id === ref || name === ref || String(spec.index) === ref);
  if (!found) throw err('not_found', { kind: 'disk', name: `${instance.name}:${ref}` });
  return found;
}

/** A name, an id, or a place: INSTANCE:INDEX. */
async function resolveDisk(asking: Asking, ref: string): Promise<Disk> {
  const place = /^(.+):(\d{1,3})$/.exec(ref);
  if (!place?.[1] || !place[2]) return resolve(asking, 'disk', ref);
  return diskOf(asking, await resolve(asking, 'instance', place[1]), place[2]);
}
