/** The status of instances and disks, derived from what nodes report of guests and replicas. Pure. */
import {
  type Disk,
  type Guest,
  type Instance,
  type InstanceStatus,
  type Operation,
  type OperationId,
  type OperationKind,
  operationEnded,
  type Replica,
} from '@gantry/model';

type State = InstanceStatus['state'];

/**
 * @param operation the one that the instance is busy with
 * @param nodeLost the node has not been heard of: nobody knows
 */
export function deriveInstance(
  instance: Instance,
  guest: Guest | undefined,
  operation: Operation | undefined,
  nodeLost: boolean,
): InstanceStatus {
  const active = operation && !operationEnded(operation.status.state) ? operation : undefined;
  const { operation: _ended, reason: _old, node: _node, epoch: _epoch, ...kept } = instance.status;
  const state = stateOf(instance.id, guest, active, nodeLost);
  const reason = nodeLost ? 'its node has not been heard of' : reasonOf(instance, guest, state);
  const { startedAt, firstPingAt, sshReadyAt } = guest?.status ?? {};
  const { submittedAt, placedAt, diskReadyAt } = instance.status.timeline;
  return {
    ...kept,
    state,
    ...(reason ? { reason } : {}),
    ...(guest ? { node: guest.spec.node, epoch: guest.spec.epoch } : {}),
    ...(active ? { operation: active.id as OperationId } : {}),
    timeline: {
      ...(submittedAt ? { submittedAt } : {}),
      ...(placedAt ? { placedAt } : {}),
      ...(diskReadyAt ? { diskReadyAt } : {}),
      ...(startedAt ? { qemuRunningAt: startedAt } : {}),
      ...(firstPingAt ? { firstPingAt } : {}),
      ...(sshReadyAt ? { sshReadyAt } : {}),
    },
    conditions: guest?.status.conditions ?? [],
  };
}

/** It is the new one, not what that is a copy of. */
const makes = ({ spec }: Operation, instance: string): boolean =>
  spec.kind === 'instance.create' || (spec.kind === 'instance.clone' && spec.target.id === instance);

function stateOf(
  id: string,
  guest: Guest | undefined,
  active: Operation | undefined,
  nodeLost: boolean,
): State {
  const made = active !== undefined && makes(active, id);
  const takenBack = made && active.status.state === 'cleaning';
  if (active?.spec.kind === 'instance.delete' || takenBack) return 'deleting';
  if (nodeLost) return 'unknown';
  const seen = guest?.status.state;
  if (guest?.spec.role === 'release') return 'unknown';
  if (active?.spec.kind === 'instance.import' && (seen === 'absent' || seen === 'unknown')) return 'creating';
  if (made) return seen === 'running' ? 'running' : 'creating';
  if (!guest || seen === undefined) return 'stopped';
  if (guest.spec.held && seen !== 'running' && seen !== 'paused') return 'unknown';
  if (guest.spec.remove) return 'failed';
  const wanted = guest.spec.power === 'running';
  const goesDown = active !== undefined && !wanted && takesDown.includes(active.spec.kind);
  if (goesDown && (seen === 'running' || seen === 'paused')) return 'stopping';
  const comesUp = active?.spec.kind === 'instance.start' && active.status.state === 'running';
  if (comesUp && seen !== 'running' && seen !== 'paused') return 'starting';
  if (seen === 'absent' || seen === 'defined' || seen === 'stopped') {
    if (wanted && guest.status.error) return 'failed';
    return wanted && seen === 'absent' ? 'starting' : 'stopped';
  }
  return seen;
}

/** Operations that a guest goes down for. */
const takesDown: readonly OperationKind[] = [
  'instance.stop',
  'instance.suspend',
  'instance.reinstall',
  'instance.rescue',
  'instance.unrescue',
  'instance.move',
  'instance.clone',
];

const endings: Partial<Record<NonNullable<Guest['status']['endedBy']>, string>> = {
  'guest-poweroff': 'powered off by the guest',
  'guest-reboot': 'the guest rebooted, and its policy says stop',
  crash: 'QEMU ended unexpectedly',
  panic: 'the guest’s kernel panicked',
  watchdog: 'its watchdog fired',
  host: 'the host rebooted',
};

function reasonOf({ spec }: Instance, guest: Guest | undefined, state: State): string | undefined {
  if (state === 'running' && spec.rescue) return RESCUED;
  if (!guest || state === 'running' || state === 'deleting') return undefined;
  const { error, endedBy, reason } = guest.status;
  if (error) return error.title.slice(0, 1024);
  if (state === 'failed') return 'what is left of it is to be deleted';
  if (state === 'suspended') return SUSPENDED;
  const words = state === 'paused' ? pauses[reason ?? ''] : undefined;
  return (words ?? (endedBy && endings[endedBy]) ?? (state === 'stopped' ? undefined : reason))?.slice(
    0,
    1024,
  );
}

const RESCUED = 'in rescue: it boots from its rescue disk until `gantry instance unrescue`';
const SUSPENDED = 'its memory lies on its node’s disk; `gantry instance start` goes on with it';

/** By libvirt’s reason for the pause. */
const pauses: Readonly<Record<string, string>> = {
  watchdog: 'its watchdog fired, and is to pause it; `gantry instance resume` lets it go on',
  ioerror: 'a disk failed under it; mend that, then `gantry instance resume`',
  user: 'somebody paused it; `gantry instance resume` lets it go on',
};

/** A disk is what its replicas are: one that stays and is ready does, whatever the others on their way are. */
export function deriveDisk(disk: Disk, replicas: readonly Replica[]): Disk['status'] {
  const own = replicas.filter(({ spec }) => spec.what === 'disk');
  const stay = own.filter(({ spec }) => spec.what === 'disk' && spec.desired === 'present');
  const ready = stay.filter(({ status }) => status.state === 'ready');
  const at = ready.find(({ spec }) => spec.node === disk.status.node) ?? ready[0] ?? stay[0] ?? own[0];
  if (!at) return disk.status;
  const { node } = at.spec;
  if (stay.length === 0) return { state: 'deleting', node };
  const { state } = at.status;
  if (state === 'ready' || state === 'failed') return { state, node };
  return { state: disk.status.state === 'ready' ? 'ready' : 'creating', node };
}
