/**
 * disk.attach: disk, instance and binding say at once that it is attached. A running guest gets it plugged in, where its
 * bus can; a failure takes it back: the guest gives it up again, and then the disk is nobody's.
 */
import type { Disk, DiskId, GantryError, Problem, Replica } from '@gantry/model';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { freeDisk } from './disk-free.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { endPlug, hasDisk, isOpen, orderOf, withDevices, withoutDisk } from './plug.ts';
import { failedPart, isCurrent, isDown } from './view.ts';

export const attachSteps = { ready: 'disk ready', plugged: 'plugged in' } as const;

export interface AttachOrder {
  disk: DiskId;
  /** Into the guest as it runs; else its next start has it. */
  live: boolean;
}

export const diskAttach: Logic = {
  advance(move) {
    const disk = diskOf(move);
    if (!disk || !move.view.instance) return move.fail(move.deadlineError('the disk is gone'));
    if (move.operation.status.state === 'cleaning') return clean(move, disk);
    const replica = replicaOf(move, disk);
    if (replica?.status.state === 'ready') move.done(attachSteps.ready);
    if (move.isDone(attachSteps.ready) && isThere(move, disk)) {
      move.done(attachSteps.plugged, undefined, isIn(move, disk) ? undefined : 'its next start has it');
      endPlug(move);
      return move.succeed();
    }
    const failure = move.cancelError() ?? failureOf(move, replica);
    if (failure) takeBack(move, failure);
    else if (move.pastDeadline) takeBack(move, move.deadlineError(observed(move, replica)));
  },
};

export const diskOf = ({ view, operation }: Move): Disk | undefined =>
  view.disks.find(({ id }) => id === operation.spec.input['disk']);

const replicaOf = ({ view }: Move, disk: Disk): Replica | undefined =>
  view.replicas.find(({ spec }) => spec.what === 'disk' && spec.disk === disk.id);

/** Where it is to be: in the running guest, or in what its next start is made of. */
function isThere(move: Move, disk: Disk): boolean {
  const { guest } = move.view;
  if (!guest || !orderOf<AttachOrder>(move).live) return true;
  return isDown(guest) || isOpen(guest, disk.id) === true;
}

const isIn = ({ view: { guest } }: Move, { id }: Disk): boolean =>
  guest !== undefined && isOpen(guest, id) === true;

function failureOf({ view }: Move, replica: Replica | undefined): Problem | undefined {
  const told = view.guest && isCurrent(view.guest) ? view.guest.status.plugError : undefined;
  return failedPart([replica], view.guest) ?? told;
}

const observed = ({ view }: Move, replica: Replica | undefined): string =>
  replica?.status.state === 'ready'
    ? `guest ${view.guest?.status.state ?? 'absent'}, disk not in it yet`
    : `disk ${replica?.status.state ?? 'absent'}`;

function takeBack(move: Move, error: Problem | GantryError): void {
  move.beginCleaning(error);
  const { guest } = move.view;
  const { disk, live } = orderOf<AttachOrder>(move);
  if (!guest || !hasDisk(guest, disk)) return;
  const plug = live ? { do: 'detach' as const, disk } : undefined;
  move.draft.put(withDevices(guest, move.operation, { disks: withoutDisk(guest, disk), plug }));
}

/** A guest that keeps it although it was to have it no longer: it stays attached, as that is what is. */
function clean(move: Move, disk: Disk): void {
  const { guest, instance } = move.view;
  const error = move.operation.status.error;
  if (!error) throw new Error('an operation that cleans up has no cause');
  if (!guest || isDown(guest) || isOpen(guest, disk.id) === false || !orderOf<AttachOrder>(move).live) {
    freeDisk(move, disk);
  } else {
    const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
    if (move.nowMs < cleaningEndsMs(since)) return;
    move.log('warn', `disk ${disk.name} stays attached to ${instance?.name}: detach it`);
    const entry = { id: disk.id as never, template: disk.spec.template, sizeBytes: disk.spec.sizeBytes };
    const { index, device } = disk.spec;
    const own = { ...entry, index, ...(device ? { device } : {}) };
    move.draft.put(withDevices(guest, move.operation, { disks: [...withoutDisk(guest, disk.id), own] }));
  }
  endPlug(move);
  move.done(CLEAN_UP);
  move.fail(error);
}
