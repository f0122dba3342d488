/** Disks and cached bases: wanted against seen. */
import {
  type DiskReplicaSpec,
  err,
  type Problem,
  type Replica,
  type ReplicaStatus,
  toProblem,
} from '@gantry/model';
import { type Action, copySubject } from '../actions.ts';
import type { SeenDisk } from '../observation.ts';
import { ticketMark } from '../storage/layout.ts';
import { inDrive } from './cds.ts';
import { failureOf, free, type Part, type PlanInput } from './input.ts';

export function planReplica(replica: Replica, input: PlanInput): Part {
  return replica.spec.what === 'disk' ? planDisk(replica, input) : planBase(replica, input);
}

/** Those that may take hours, and leave nothing behind that `disk.remove` would not find. */
const makes = ['disk.create', 'disk.send', 'disk.receive'] as const;

function planDisk(replica: Replica, input: PlanInput): Part {
  const spec = replica.spec;
  if (spec.what !== 'disk') throw new Error('not a disk');
  const seen = ownFiles(replica, spec, input);
  const ready = seen.find(isReady);
  if (!ready && input.observation.storageFault !== undefined) return unseen(replica, input.observation);
  const subject = `disk:${spec.disk}`;
  if (spec.desired === 'absent') {
    // what is being made or removed right now is not absent yet
    if (spec.copy?.live && input.busy.has(copySubject(spec.copy.of)))
      return answer(replica, { state: 'pending' });
    if (seen.length === 0 && !input.busy.has(subject)) return answer(replica, { state: 'absent' });
    if (input.busy.has(subject))
      return { ...answer(replica, { state: 'pending' }), abandon: [{ subject, doing: [...makes] }] };
    // bytes under a running guest are never taken away, whatever the store says
    const removable = !inUse(spec.disk, input) && free(input, subject, replica.generation);
    const action: Action = { do: 'disk.remove', spec: toRemove(spec, seen) };
    return failing(replica, input, subject, 'pending', removable ? [action] : []);
  }
  if (ready) return planReady(replica, spec, ready, input);
  // An empty disk in place of one with data would be worse than none: its storage may only not be mounted.
  if (spec.made || input.memory.disks?.[replica.id] !== undefined)
    return answer(replica, { state: 'failed', error: gone(replica) });
  const other = spec.receive && input.observation.disks.find((d) => isReady(d) && d.disk === spec.disk);
  if (other && !input.busy.has(subject)) return answer(replica, { state: 'failed', error: inTheWay(other) });
  // what comes from another node waits for that one alone
  const copy = spec.receive ? undefined : spec.copy;
  if (copy?.live) return planLiveCopy(replica, copy.of, input);
  const still = !copy || isStill(copy.from, input);
  const possible = still && baseReady(replica, input) && free(input, subject, replica.generation);
  const state = input.busy.has(subject) || possible ? 'creating' : 'pending';
  const action: Action = { do: spec.receive ? 'disk.receive' : 'disk.create', spec };
  return failing(replica, input, subject, state, possible ? [action] : []);
}

const isReady = ({ state }: SeenDisk): boolean => state === 'ready';

/**
 * Of what bears the id of a disk that is to be received, only what this order brought is it: anything else is left from
 * before the store was restored. One that was seen whole long ago may be from an agent that did not write tickets down.
 */
function ownFiles(
  { id }: Replica,
  { disk, receive, operation }: DiskReplicaSpec,
  input: PlanInput,
): SeenDisk[] {
  const all = input.observation.disks.filter((each) => each.disk === disk);
  if (!receive) return all;
  const known = input.memory.disks?.[id] !== undefined;
  const mark = ticketMark(receive);
  return all.filter((each) =>
    isReady(each) ? each.received === mark || (known && !each.received) : each.operation === operation,
  );
}

/** Without the order, whatever bears its id goes. */
function toRemove(spec: DiskReplicaSpec, seen: readonly SeenDisk[]): DiskReplicaSpec {
  const { receive: _, ...plain } = spec;
  return seen.some((each) => isReady(each) && !each.received) ? plain : spec;
}

/**
 * It is here. It is sent on when that is wanted and its guest is down for good: nothing writes to it any more. Larger where
 * it is to be larger; a disk that could not be sent or grow is as good as before.
 */
function planReady(replica: Replica, spec: DiskReplicaSpec, ready: SeenDisk, input: PlanInput): Part {
  const subject = `disk:${spec.disk}`;
  if (spec.send) return planSending(replica, spec, ready, input);
  const grown = planGrowth(replica, spec, ready, input);
  return input.busy.has(subject) ? { ...grown, abandon: [{ subject, doing: ['disk.send'] }] } : grown;
}

const readyOf = ({ path, sizeBytes }: SeenDisk, error?: Problem): ReplicaStatus => ({
  state: 'ready',
  path,
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
  ...(error ? { error } : {}),
});

function planSending(replica: Replica, spec: DiskReplicaSpec, ready: SeenDisk, input: PlanInput): Part {
  const subject = `disk:${spec.disk}`;
  if (spec.send && input.sent?.has(spec.send.ticket)) return answer(replica, readyOf(ready));
  const still = isStill(spec.disk, input);
  const failure = failureOf(input, subject, replica.generation);
  const error = input.busy.has(subject) ? undefined : failure?.problem;
  return {
    ...answer(replica, readyOf(ready, error)),
    actions:
      still && free(input, subject, replica.generation)
        ? [{ do: 'disk.send', spec, called: replica.name }]
        : [],
    ...(failure ? { wakeAt: failure.retryAt } : {}),
  };
}

/** Nothing writes to it, nor will before the controller says so. */
function isStill(disk: string, input: PlanInput): boolean {
  const guest = input.assignments.guests.find((each) => each.spec.input.disks.some(({ id }) => id === disk));
  // A start that is still under way opens it before its domain is seen to run.
  const settled = guest !== undefined && !input.busy.has(`guest:${guest.spec.instance}`);
  return settled && guest.spec.power === 'stopped' && !inUse(disk, input);
}

/** QEMU of the source writes it: guest-copy.ts. */
function planLiveCopy(replica: Replica, source: string, input: PlanInput): Part {
  const guest = input.assignments.guests.find(({ spec }) => spec.instance === source);
  const subject = copySubject(source);
  const failure = guest && !input.busy.has(subject) ? failureOf(input, subject, guest.generation) : undefined;
  if (!failure) return answer(replica, { state: 'creating' });
  return { ...answer(replica, { state: 'failed', error: failure.problem }), wakeAt: failure.retryAt };
}

function planGrowth(replica: Replica, spec: DiskReplicaSpec, ready: SeenDisk, input: PlanInput): Part {
  const { path, sizeBytes } = ready;
  const { observation } = input;
  if (sizeBytes === undefined || sizeBytes >= spec.sizeBytes || !observation.libvirt)
    return answer(replica, readyOf(ready));
  const subject = `disk:${spec.disk}`;
  const failure = failureOf(input, subject, replica.generation);
  const user = input.assignments.guests.find((guest) =>
    guest.spec.input.disks.some(({ id }) => id === spec.disk),
  );
  const settled = !user || !input.busy.has(`guest:${user.spec.instance}`);
  const domain = observation.domains.find(({ disks }) => disks?.some((one) => one.path === path));
  const open =
    domain && user?.spec.instance === domain.uuid ? { instance: user.spec.instance, path } : undefined;
  const may = settled && free(input, subject, replica.generation);
  return {
    ...answer(replica, readyOf(ready, failure?.problem)),
    actions: may ? [{ do: 'disk.grow', spec, called: replica.name, ...(open ? { open } : {}) }] : [],
    ...(failure ? { wakeAt: failure.retryAt } : {}),
  };
}

function planBase(replica: Replica, input: PlanInput): Part {
  const spec = replica.spec;
  if (spec.what !== 'base') throw new Error('not a base');
  const seen = input.observation.bases.find((b) => b.sha256 === spec.sha256);
  if (!seen && input.observation.storageFault !== undefined) return unseen(replica, input.observation);
  const subject = `base:${spec.sha256}`;
  if (spec.desired === 'absent') {
    if (!seen && !input.busy.has(subject)) return answer(replica, { state: 'absent' });
    const unused = seen?.users.length === 0 && !inDrive(spec.sha256, input);
    const removable = unused && free(input, subject, replica.generation);
    return failing(replica, input, subject, 'ready', removable ? [{ do: 'base.remove', spec }] : []);
  }
  if (seen) return answer(replica, { state: 'ready', path: seen.path });
  const possible = free(input, subject, replica.generation);
  return failing(replica, input, subject, 'creating', possible ? [{ do: 'base.ensure', spec }] : []);
}

/** A disk made from an uploaded image waits for its base; if the base failed it is not tried. */
function baseReady(replica: Replica, input: PlanInput): boolean {
  const spec = replica.spec;
  if (spec.what !== 'disk' || spec.source.kind !== 'image') return true;
  const { sha256 } = spec.source;
  return input.observation.bases.some((b) => b.sha256 === sha256);
}

/** Whoever has it plugged in. */
function openIn(disk: string, { observation }: PlanInput): boolean {
  const paths = new Set(observation.disks.filter((one) => one.disk === disk).map(({ path }) => path));
  return observation.domains.some(({ disks }) => disks?.some(({ path }) => paths.has(path)));
}

/** While libvirt is silent everything counts as in use. */
function inUse(disk: string, input: PlanInput): boolean {
  if (!input.observation.libvirt) return true;
  if (openIn(disk, input)) return true;
  return input.assignments.guests.some(
    (guest) =>
      guest.spec.input.disks.some((d) => d.id === disk) &&
      input.observation.domains.some((d) => d.uuid === guest.spec.instance && d.state !== 'shutoff'),
  );
}

function failing(
  replica: Replica,
  input: PlanInput,
  subject: string,
  otherwise: ReplicaStatus['state'],
  actions: Action[],
): Part {
  const failure = failureOf(input, subject, replica.generation);
  if (!failure || input.busy.has(subject)) return { ...answer(replica, { state: otherwise }), actions };
  return {
    ...answer(replica, { state: 'failed', error: failure.problem }),
    actions,
    wakeAt: failure.retryAt,
  };
}

/** Nobody knows whether it is there: it is neither made anew nor told to be gone. */
const unseen = (replica: Replica, { storageFault }: PlanInput['observation']): Part =>
  answer(replica, {
    state: 'failed',
    error: toProblem(
      err('host_unfit', {
        why: `its storage is not there: ${storageFault}`,
        remedy: 'Mount it, and what lies there is seen again.',
      }),
    ),
  });

const gone = ({ spec, status }: Replica): Problem =>
  toProblem(
    err('disk_gone', { disk: spec.what === 'disk' ? spec.disk : '', path: status.path ?? 'its storage' }),
  );

const inTheWay = ({ disk, path }: SeenDisk): Problem => toProblem(err('disk_in_the_way', { disk, path }));

/** Replicas of disks seen whole now or before. */
export function disksSeen(input: PlanInput): Record<string, number> {
  const { assignments, memory, now } = input;
  const seen = assignments.replicas.flatMap((replica): [string, number][] => {
    const { id, spec } = replica;
    if (spec.what !== 'disk' || spec.desired === 'absent') return [];
    const since = memory.disks?.[id] ?? (ownFiles(replica, spec, input).some(isReady) ? now : undefined);
    return since === undefined ? [] : [[id, since]];
  });
  return Object.fromEntries(seen);
}

const answer = (replica: Replica, status: ReplicaStatus): Part => ({
  actions: [],
  status: { kind: 'replica', id: replica.id, generation: replica.generation, status },
});
