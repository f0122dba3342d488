/** attach, detach, set and grow of disks: what each writes when it begins. */
import { checkCombination, diskBusOf, serialOf } from '@gantry/guest';
import {
  type AttachDisk,
  type Disk,
  type DiskDevice,
  type DiskId,
  err,
  formatBytes,
  type GrowDisk,
  type Guest,
  type GuestDisk,
  type GuestInput,
  type Instance,
  type InstanceId,
  isPluggable,
  type Node,
  type Operation,
  type Replica,
  type SetDisk,
  type Step,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { newObject } from '../objects.ts';
import { Draft, withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf, requireStillFits } from './begin-actions.ts';
import { type AttachOrder, attachSteps } from './disk-attach.ts';
import { DETACH_DEADLINE_MS, type DetachOrder, detachSteps } from './disk-detach.ts';
import { growSteps } from './disk-grow.ts';
import { type SetOrder, setSteps } from './disk-set.ts';
import { changedDevice, deviceChanges } from './disk-settings.ts';
import { guestInput, readAncestry, theCluster } from './guest-spec.ts';
import { addOperation, requireDiskIdle } from './new-operation.ts';
import { withDevices, withoutDisk } from './plug.ts';

const waiting = (names: object): Step[] =>
  Object.values(names).map((name) => ({ name: String(name), state: 'waiting' }));

/** @throws GantryError `disk_attached`, `disk_elsewhere`, `stop_first`, `settings_refused`, `guest_refused` */
export async function beginAttach(
  asking: Asking,
  instance: Instance,
  body: AttachDisk,
): Promise<BegunAction> {
  const { store, env } = asking.app;
  const disk = await resolve(asking, 'disk', body.disk);
  const guest = await bindingOf(asking, instance);
  await requireDiskIdle(store, disk);
  await requireFree(asking, disk, instance);
  const replica = await replicaOf(asking, disk);
  await requireHere(asking, disk, replica, instance, guest);
  const device = changedDevice(undefined, body);
  const ancestry = await readAncestry(store, instance, guest.spec.node);
  const before = guestInput(instance, ancestry);
  const index = placeFor(before);
  const attached: Disk = {
    ...withSpec(disk, { instance: instance.id as InstanceId, index, ...(device ? { device } : {}) }),
    status: replica ? disk.status : { state: 'creating', node: guest.spec.node },
  };
  const input = guestInput(instance, { ...ancestry, disks: [...ancestry.disks, attached] });
  requireApart(input.disks, disk);
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const up = instance.status.state !== 'stopped';
  const live = isPluggable(diskBusOf(before, device)) || !up;
  const order: AttachOrder = { disk: disk.id as DiskId, live };
  const begun = await begin(
    asking,
    instance,
    { kind: 'disk.attach', steps: waiting(attachSteps), input: order, state: instance.status.state },
    body,
  );
  const { draft, operation, marked } = begun;
  draft.put(attached);
  draft.put(withSpec(marked, { disks: [...instance.spec.disks, disk.id as DiskId] }));
  if (live) {
    const entry = input.disks.find(({ id }) => id === disk.id) as GuestDisk;
    const plug = { do: 'attach' as const, disk: disk.id as DiskId };
    draft.put(withDevices(guest, operation, { disks: [...withoutDisk(guest, disk.id), entry], plug }));
  } else draft.relyOn(guest);
  if (replica) draft.relyOn(replica);
  else draft.add(await newReplica(asking, attached, guest, operation));
  const how = !up ? 'its next start has it' : live ? 'plugged in now' : atStart(diskBusOf(before, device));
  const bytes = replica ? [] : [`make ${formatBytes(disk.spec.sizeBytes)} on the node of ${instance.name}`];
  env.log('debug', 'attach', { disk: disk.name, live });
  return { draft, operation, plan: [...bytes, `attach disk ${disk.name} to ${instance.name}: ${how}`] };
}

const atStart = (bus: string): string => `at its next start: QEMU plugs nothing in on ${bus}`;

async function requireFree({ app }: Asking, disk: Disk, instance: Instance): Promise<void> {
  if (disk.status.state === 'deleting')
    throw err('wrong_state', {
      kind: 'disk',
      name: disk.name,
      state: 'deleting',
      action: 'attach it',
      permitted: 'Its bytes are being removed.',
    });
  if (disk.spec.instance === undefined) return;
  const holder = await app.store.get('instance', disk.spec.instance);
  throw err('disk_attached', { name: disk.name, instance: holder?.name ?? instance.name });
}

/** What reads the bytes must be where they are. */
async function requireHere(
  { app }: Asking,
  disk: Disk,
  replica: Replica | undefined,
  instance: Instance,
  guest: Guest,
): Promise<void> {
  if (!replica || replica.spec.node === guest.spec.node) return;
  const nameOf = async (id: string) => ((await app.store.get('node', id)) as Node | undefined)?.name ?? id;
  const [node, other] = await Promise.all([nameOf(replica.spec.node), nameOf(guest.spec.node)]);
  throw err('disk_elsewhere', { name: disk.name, node, instance: instance.name, other });
}

async function replicaOf({ app }: Asking, disk: Disk): Promise<Replica | undefined> {
  return (await app.store.list('replica', { owner: disk.id })).items[0];
}

/** The lowest that is free. Where it is not on virtio, the seed of a cloud image has the place behind the last disk. */
function placeFor({ disks, cloudInit, imageProperties }: GuestInput): number {
  const taken = new Set(disks.map(({ index }) => index));
  const free = Array.from({ length: taken.size + 1 }, (_, index) => index).find((index) => !taken.has(index));
  const place = free ?? taken.size;
  const seedHasIt = cloudInit && (imageProperties['hw_disk_bus'] ?? 'virtio') !== 'virtio';
  return seedHasIt && place === taken.size ? place + 1 : place;
}

/** The guest could not tell them apart. @throws GantryError `settings_refused` */
function requireApart(disks: readonly GuestDisk[], disk: Disk): void {
  if (!disks.some(({ id }) => id !== disk.id && serialOf(id) === serialOf(disk.id))) return;
  throw err('settings_refused', {
    why: `disk ${disk.name} and one that is attached would have the same serial number, ${serialOf(disk.id)}`,
  });
}

async function newReplica({ app }: Asking, disk: Disk, guest: Guest, operation: Operation): Promise<Replica> {
  const cluster = await theCluster(app.store);
  const { template, sizeBytes, source } = disk.spec;
  const spec = {
    what: 'disk' as const,
    node: guest.spec.node,
    cluster: cluster.id,
    disk: disk.id,
    desired: 'present' as const,
    template,
    sizeBytes,
    source,
    operation: operation.id,
  } as Replica['spec'];
  return newObject(app.env, 'replica', { name: disk.name, spec, status: { state: 'pending' } });
}

/** @throws GantryError `stop_first` where only a guest that is down can give it up */
export async function beginDetach(
  asking: Asking,
  instance: Instance,
  disk: Disk,
  wishes: { deadlineMs?: number | undefined; reason?: string | undefined },
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  await requireDiskIdle(asking.app.store, disk);
  const now = guestInput(instance, await readAncestry(asking.app.store, instance, guest.spec.node));
  const entry = now.disks.find(({ id }) => id === disk.id);
  if (!entry) throw err('not_found', { kind: 'disk', name: disk.name });
  if (instance.status.state !== 'stopped') requireLetGo(instance, disk, diskBusOf(now, disk.spec.device));
  const order: DetachOrder = { disk: disk.id, entry };
  const what = {
    kind: 'disk.detach',
    steps: waiting(detachSteps),
    input: order,
    state: instance.status.state,
  } as const;
  const deadlineMs = wishes.deadlineMs ?? DETACH_DEADLINE_MS;
  const { draft, operation, marked } = await begin(asking, instance, what, { ...wishes, deadlineMs });
  draft.put(marked);
  draft.relyOn(disk);
  draft.put(withDevices(guest, operation, { plug: { do: 'detach', disk: disk.id as DiskId } }));
  const guestGives = instance.status.state === 'stopped' ? '' : ', as soon as its guest gives it up';
  const kept = `detach disk ${disk.name} from ${instance.name}${guestGives}; its bytes stay`;
  return { draft, operation, plan: [kept] };
}

function requireLetGo({ name }: Instance, disk: Disk, bus: string): void {
  const what = `disk ${disk.spec.index}`;
  if (disk.spec.index === 0) throw err('stop_first', { what, name, why: 'it is the one that it boots from' });
  if (!isPluggable(bus)) throw err('stop_first', { what, name, why: `QEMU takes nothing out on ${bus}` });
}

/** @throws GantryError `wrong_state` for a disk that nobody has: its settings are those of its attachment */
export async function beginSetDisk(
  asking: Asking,
  instance: Instance,
  disk: Disk,
  body: SetDisk,
): Promise<BegunAction> {
  const { store } = asking.app;
  const guest = await bindingOf(asking, instance);
  const { device: had = {} } = disk.spec;
  const device: DiskDevice = changedDevice(had, body) ?? {};
  const after = withSpec(disk, { device });
  const ancestry = await readAncestry(store, instance, guest.spec.node);
  const disks = ancestry.disks.map((one) => (one.id === disk.id ? after : one));
  const input = guestInput(instance, { ...ancestry, disks });
  checkCombination(input);
  await requireStillFits(asking, guest, input);
  const up = instance.status.state !== 'stopped';
  const entry = guest.spec.input.disks.find(({ id }) => id === disk.id);
  const changes = deviceChanges(had, device, up);
  const limited = JSON.stringify(had.limits ?? {}) !== JSON.stringify(device.limits ?? {});
  const live = up && limited && entry !== undefined;
  const order: SetOrder = {
    disk: disk.id,
    live,
    before: { device: had, entry: entry ?? ({} as GuestDisk) },
    changes,
  };
  const what = {
    kind: 'disk.set',
    steps: waiting(setSteps),
    input: order,
    state: instance.status.state,
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  draft.put(after).put(marked);
  const next = up ? heldDevice(entry?.device, device) : device;
  const order2 = live ? { plug: { do: 'update' as const, disk: disk.id as DiskId } } : {};
  if (entry && (live || !up))
    draft.put(
      withDevices(guest, operation, {
        disks: [...withoutDisk(guest, disk.id), { ...entry, device: next }],
        ...order2,
      }),
    );
  else draft.relyOn(guest);
  const plan = changes.map(({ setting, to, applies }) => {
    const when = applies === 'now' ? 'now' : 'at its next start';
    return `${setting} of disk ${disk.name}: ${to ?? 'as inherited'}, ${when}`;
  });
  return { draft, operation, plan };
}

/** A guest that is up keeps what QEMU was started with, but for its limits. */
function heldDevice(now: DiskDevice = {}, wanted: DiskDevice): DiskDevice {
  const { limits: _, ...rest } = now;
  return wanted.limits ? { ...rest, limits: wanted.limits } : rest;
}

/** @throws GantryError `invalid_argument` for one that would not grow */
export async function beginGrow(asking: Asking, disk: Disk, body: GrowDisk): Promise<BegunAction> {
  const { app, caller } = asking;
  await requireDiskIdle(app.store, disk);
  const sizeBytes = body.sizeBytes ?? disk.spec.sizeBytes + (body.byBytes ?? 0);
  const now = formatBytes(disk.spec.sizeBytes);
  if (sizeBytes <= disk.spec.sizeBytes || sizeBytes % 512 !== 0)
    throw err('invalid_argument', {
      what: formatBytes(sizeBytes),
      wanted: `possible: whole sectors, and more than the ${now} that disk ${disk.name} has; no disk shrinks`,
    });
  const replica = await replicaOf(asking, disk);
  const draft = new Draft(app.env.clock.now());
  const operation = await addOperation(app, caller, draft, {
    kind: 'disk.grow',
    of: 'disk',
    target: disk as Pick<Disk, 'id' | 'name' | 'project'>,
    steps: waiting(growSteps),
    input: { sizeBytes, before: disk.spec.sizeBytes },
    deadlineMs: body.deadlineMs,
    reason: body.reason,
  });
  if (replica) draft.put(withSpec(replica, { sizeBytes, operation: operation.id as never }) as Replica);
  // At once, so that the quota of its project is asked now and not when it has grown.
  draft.put(withSpec(disk, { sizeBytes }));
  return {
    draft,
    operation,
    plan: [`grow disk ${disk.name} from ${now} to ${formatBytes(sizeBytes)}; the guest is told`],
  };
}
