/** Taking an instance away: tombstones first, rows and claims only when the node has seen everything gone. */
import type { Guest, OperationId, Replica } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Move } from './advance.ts';
import { freed } from './disk-free.ts';
import { diskReplicas, isCurrent } from './view.ts';

/** The binding shall leave the node: the guest is forced off and undefined. Disks stay. */
export function tombstoneGuest(move: Move): void {
  for (const guest of guestsOf(move))
    if (!guest.spec.remove)
      move.draft.put(
        withSpec(guest, {
          remove: true,
          power: 'stopped',
          force: true,
          operation: move.operation.id as OperationId,
        }),
      );
}

/** The bytes of its own disks shall go. Attached disks of others are left alone. */
export function tombstoneDisks(move: Move): void {
  for (const replica of ownReplicas(move))
    if (replica.spec.what === 'disk' && replica.spec.desired === 'present')
      move.draft.put(withSpec(replica, { desired: 'absent' }) as Replica);
  for (const disk of move.view.disks)
    if (disk.spec.ownedByInstance && disk.status.state !== 'deleting')
      move.draft.put({ ...disk, status: { state: 'deleting' } });
}

/** The binding, and what a move has left elsewhere. */
const guestsOf = ({ view }: Move): Guest[] => [...(view.guest ? [view.guest] : []), ...view.others];

export const guestsGone = (move: Move): boolean => guestsOf(move).every(guestGone);

/** Its node has reported so since the tombstone was written. */
export const guestGone = (guest: Guest | undefined): boolean =>
  guest === undefined || (guest.spec.remove && isCurrent(guest) && guest.status.state === 'absent');

export const replicaGone = (replica: Replica): boolean =>
  replica.spec.desired === 'absent' && isCurrent(replica) && replica.status.state === 'absent';

export const disksGone = (move: Move): boolean => ownReplicas(move).every(replicaGone);

/** What is left lies on storage that its node cannot look at, because it is not mounted there: waiting does not bring it. */
export const outOfReach = (move: Move): boolean =>
  guestsGone(move) && ownReplicas(move).every((replica) => replicaGone(replica) || isUnseen(replica));

const isUnseen = (replica: Replica): boolean =>
  replica.spec.desired === 'absent' && isCurrent(replica) && replica.status.error?.code === 'host_unfit';

/** Rows and claims, when nothing of them is left on any node. */
export function dropRows(move: Move): void {
  const { instance, disks } = move.view;
  for (const replica of ownReplicas(move)) move.draft.remove(replica);
  for (const disk of disks) {
    if (disk.spec.ownedByInstance) move.draft.remove(disk);
    else move.draft.put(freed(move.draft, disk));
  }
  for (const guest of guestsOf(move)) move.draft.remove(guest);
  if (instance) move.draft.remove(instance).release(instance.id);
}

/** What is still there, for people. */
export function leftovers(move: Move): string {
  const left = ownReplicas(move)
    .filter((replica) => !replicaGone(replica))
    .map(
      (replica) => `disk ${replica.spec.what === 'disk' ? replica.spec.disk : ''} is ${replica.status.state}`,
    );
  for (const guest of guestsOf(move))
    if (!guestGone(guest)) left.unshift(`the guest is ${guest.status.state}`);
  return left.join(', ') || 'nothing is left';
}

function ownReplicas({ view }: Move): Replica[] {
  const owned = new Set<string>(
    view.disks.filter((disk) => disk.spec.ownedByInstance).map((disk) => disk.id),
  );
  return [...diskReplicas(view), ...view.elsewhere].filter(
    (replica) => replica.spec.what === 'disk' && owned.has(replica.spec.disk),
  );
}
