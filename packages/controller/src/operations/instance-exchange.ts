/**
 * instance.reinstall, instance.rescue and instance.unrescue: while the guest is down, the disks that it boots from are
 * exchanged. What it takes is made first and whole; until then everything can be taken back, and a failure leaves the
 * instance as it was. The exchange is one commit; what was given up is removed only after it.
 */
import {
  type Disk,
  err,
  type GantryError,
  type GuestInput,
  type InstanceSpec,
  type OperationId,
  type Problem,
  type Replica,
} from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { guestSpec } from './guest-spec.ts';
import { putBinding, startingFit } from './held-hardware.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { failedPart, isCurrent, isDown } from './view.ts';
import { awaitGuest, waitSteps } from './waits.ts';

export const exchangeSteps = {
  disk: 'disk ready',
  stopped: 'stopped',
  exchanged: 'disks exchanged',
  dropped: 'old disk removed',
} as const;

/** What of an instance may be another after it; what is not there is unset. */
export const exchanged = [
  'disks',
  'image',
  'imageProperties',
  'os',
  'boot',
  'rescue',
  'variablesOf',
] as const;

/** What was decided when it began: the operation's input. */
export interface Exchange {
  /** Disk that is made for it, with what it is from then on. */
  made?: { id: string; name: string; role?: 'rescue' };
  /** Disk that is removed afterwards. */
  drop?: string;
  instance: Partial<Pick<InstanceSpec, (typeof exchanged)[number]>>;
  guest: GuestInput;
  /** What it was when this began. */
  before: InstanceSpec['power'];
  /** Afterwards. */
  power: InstanceSpec['power'];
}

const exchangeOf = ({ operation }: Pick<Move, 'operation'>): Exchange =>
  operation.spec.input as unknown as Exchange;

export const instanceExchange: Logic = {
  advance(move) {
    if (move.operation.status.state === 'cleaning') return clean(move);
    if (!move.isDone(exchangeSteps.exchanged)) return prepare(move);
    drop(move);
    awaitGuest(move, stayDown);
  },
  cannotCancel({ status }) {
    if (status.state === 'cleaning') return 'it is being taken back';
    const done = status.steps.find(({ name }) => name === exchangeSteps.exchanged)?.state === 'done';
    return done ? 'its disks are exchanged already' : undefined;
  },
};

function prepare(move: Move): void {
  const { guest } = move.view;
  const made = madeReplica(move);
  const failure = move.cancelError() ?? failureOf(move) ?? late(move, made);
  if (failure) {
    giveUp(move, failure);
    return;
  }
  if (made?.status.state === 'ready') move.done(exchangeSteps.disk, made.status.readyAt);
  const isOff = guest !== undefined && isDown(guest);
  if (isOff) move.done(exchangeSteps.stopped);
  if (isOff && (!exchangeOf(move).made || move.isDone(exchangeSteps.disk))) exchange(move);
}

const late = (move: Move, made: Replica | undefined): GantryError | undefined =>
  move.pastDeadline
    ? move.deadlineError(
        `disk ${made?.status.state ?? 'none'}, guest ${move.view.guest?.status.state ?? 'absent'}`,
      )
    : undefined;

/** Of the disk that is made, or of the base that it stands on. Others may be gone: that is why it is made anew. */
function failureOf(move: Move): Problem | undefined {
  const made = madeReplica(move);
  const { source } = (made?.spec.what === 'disk' ? made.spec : undefined) ?? {};
  const base = move.view.replicas.find(
    ({ spec }) => spec.what === 'base' && source?.kind === 'image' && spec.sha256 === source.sha256,
  );
  return failedPart([made, base], made);
}

function exchange(move: Move): void {
  const { instance, guest } = move.view;
  if (!instance || !guest) {
    move.fail(err('internal', { why: 'the instance is gone' }));
    return;
  }
  const { made, drop: old, instance: next, guest: input, power } = exchangeOf(move);
  const kept = Object.entries(instance.spec).filter(
    ([key]) => !(exchanged as readonly string[]).includes(key),
  );
  const spec = { ...Object.fromEntries(kept), ...next, power } as InstanceSpec;
  move.draft.put({ ...instance, generation: instance.generation + 1, spec });
  const { instance: id, epoch } = guest.spec;
  const operation = move.operation.id as OperationId;
  const place = startingFit(instance, guest, input);
  const binding = guestSpec(input, { instance: id, epoch, power, operation, ...place });
  putBinding(move.draft, guest, { ...guest, generation: guest.generation + 1, spec: binding });
  if (made)
    putDisk(move, made.id, ({ spec: { role: _, ...rest }, ...disk }) => ({
      ...disk,
      name: made.name,
      spec: { ...rest, ...(made.role ? { role: made.role } : {}) },
    }));
  if (old) tombstone(move, old);
  move.done(exchangeSteps.exchanged);
}

function putDisk(move: Move, id: string, change: (disk: Disk) => Disk): void {
  const disk = move.view.disks.find((one) => one.id === id);
  if (disk) move.draft.put(change(disk));
}

/** It goes, and nobody has it any more. */
function tombstone(move: Move, id: string): void {
  putDisk(move, id, (disk) => ({
    ...disk,
    name: disk.spec.role === 'aside' ? disk.name : `${disk.name}.old`,
    spec: { ...disk.spec, role: 'aside' },
    status: { ...disk.status, state: 'deleting' },
  }));
  const replica = replicaOf(move, id);
  if (replica && replica.spec.desired === 'present')
    move.draft.put(withSpec(replica, { desired: 'absent' }) as Replica);
}

/** The rows of what was given up go when its bytes have. */
function drop(move: Move): void {
  const { drop: old } = exchangeOf(move);
  if (old && dropRow(move, old)) move.done(exchangeSteps.dropped);
}

/** @returns whether nothing is left of it */
function dropRow(move: Move, id: string): boolean {
  const replica = replicaOf(move, id);
  if (
    replica &&
    !(isCurrent(replica) && replica.status.state === 'absent' && replica.spec.desired === 'absent')
  )
    return false;
  const disk = move.view.disks.find((one) => one.id === id);
  if (replica) move.draft.remove(replica);
  if (disk) move.draft.remove(disk);
  return true;
}

/** Before the exchange: what was made for it goes again, and the instance is what it was. */
function giveUp(move: Move, error: Problem | GantryError): void {
  const { made, before: power } = exchangeOf(move);
  const { instance, guest } = move.view;
  if (instance && instance.spec.power !== power) move.draft.put(withSpec(instance, { power }));
  if (guest && guest.spec.power !== power) move.draft.put(withSpec(guest, { power, force: false }));
  if (made) {
    move.beginCleaning(error);
    tombstone(move, made.id);
  } else move.fail(error);
}

function clean(move: Move): void {
  const { error } = move.operation.status;
  const { made } = exchangeOf(move);
  if (!error || !made) throw new Error('an operation that cleans up has no cause');
  if (dropRow(move, made.id)) {
    move.done(CLEAN_UP);
    move.fail(error);
    return;
  }
  if (move.nowMs < cleaningEndsMs(Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now))) return;
  move.log('warn', 'the disk that was made for it could not be removed yet; it is when its node can');
  move.fail(error);
}

/** After the exchange there is no way back: a guest that does not come up stays down. */
function stayDown(move: Move, error: Problem | GantryError): void {
  const { instance, guest } = move.view;
  if (exchangeOf(move).power === 'running' && !move.isDone(waitSteps.running)) {
    if (instance) move.draft.put(withSpec(instance, { power: 'stopped' }));
    if (guest) move.draft.put(withSpec(guest, { power: 'stopped', force: true }));
  }
  move.fail(error);
}

const replicaOf = (move: Move, disk: string): Replica | undefined =>
  move.view.replicas.find(({ spec }) => spec.what === 'disk' && spec.disk === disk);

function madeReplica(move: Move): Replica | undefined {
  const { made } = exchangeOf(move);
  return made && replicaOf(move, made.id);
}
