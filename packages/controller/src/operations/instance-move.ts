/**
 * instance.move: the guest goes down at the source, its disks are copied by the two agents, and one commit hands the
 * binding over: the target's guest gets the role `run` with the next epoch, the source's becomes a tombstone. Before
 * that commit everything is still at the source, whole, and failing or cancelling takes away what came to the target;
 * after it everything is at the target, whole, and it only goes forward. The source's disks go by tombstone then.
 */
import { formatBytes, type GantryError, type Guest, type Problem, type Replica } from '@gantry/model';
import { exchangeHardware } from '../placement/choose-node.ts';
import { withSpec } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { fitsOf } from './held-hardware.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { lifeBefore, type Stopped } from './instance-stop.ts';
import { guestGone, replicaGone } from './removal.ts';
import { diskReplicas, isCurrent, isDown } from './view.ts';
import { guestFailure, waitSteps } from './waits.ts';

export const moveSteps = {
  stopped: 'stopped',
  copied: 'copied',
  handedOver: 'handed over',
  cleared: 'source cleared',
} as const;

/** What the operation keeps of the request. */
export interface MoveInput extends Pick<Stopped, 'stopTimeoutMs'> {
  from: string;
  to: string;
  /** Names of the two. */
  fromName: string;
  toName: string;
  /** It ran, and is to run again wherever it ends up. */
  restart: boolean;
}

export const moveInput = ({ operation }: Move): MoveInput => operation.spec.input as unknown as MoveInput;

export const instanceMove: Logic = {
  advance(move) {
    const { guest } = move.view;
    if (move.operation.status.state === 'cleaning') clean(move);
    else if (!guest) move.fail(move.deadlineError('it is gone'));
    else if (move.isDone(moveSteps.handedOver)) arrive(move, guest);
    else depart(move, guest);
  },
  cannotCancel(operation) {
    if (operation.status.state === 'cleaning') return 'it is being taken back';
    const handedOver = operation.status.steps.some(
      ({ name, state }) => name === moveSteps.handedOver && state === 'done',
    );
    return handedOver ? 'the instance belongs to the other node already' : undefined;
  },
};

/** Until the hand-over. */
function depart(move: Move, source: Guest): void {
  const failure = move.cancelError() ?? copyFailure(move) ?? late(move);
  if (failure) takeBack(move, source, failure);
  if (failure || !staysDown(source)) return;
  move.done(moveSteps.stopped);
  const copies = copiesOf(move);
  const incoming = move.view.others.find(({ spec }) => spec.node === moveInput(move).to);
  if (!incoming || !copies.every(isCopied)) return;
  const bytes = copies.reduce((sum, { status }) => sum + (status.allocatedBytes ?? 0), 0);
  move.done(moveSteps.copied, move.now, bytes > 0 ? `${formatBytes(bytes)} allocated` : undefined);
  handOver(move, source, incoming);
}

const staysDown = (guest: Guest): boolean => guest.spec.power === 'stopped' && isDown(guest);

/** At the target. */
const copiesOf = (move: Move): Replica[] =>
  move.view.elsewhere.filter(({ spec }) => spec.node === moveInput(move).to);

const isCopied = (replica: Replica): boolean => isCurrent(replica) && replica.status.state === 'ready';

/** What a broken connection or a restarting agent causes passes; the deadline bounds it. */
const passing: ReadonlySet<string> = new Set(['transfer_failed', 'download_failed']);

function copyFailure(move: Move): Problem | undefined {
  const failed = copiesOf(move).find(({ status }) => status.state === 'failed');
  const { error } = failed?.status ?? {};
  return failed && isCurrent(failed) && error && !passing.has(error.code) ? error : undefined;
}

const late = (move: Move): GantryError | undefined =>
  move.pastDeadline ? move.deadlineError(observed(move)) : undefined;

function observed(move: Move): string {
  const { guest, replicas } = move.view;
  if (guest && (move.isDone(moveSteps.handedOver) || !staysDown(guest))) return `guest ${guest.status.state}`;
  const open = copiesOf(move).find((replica) => !isCopied(replica));
  const why = open?.status.error ?? replicas.find(({ status }) => status.error)?.status.error;
  const copy = open ? `${open.name} at the target is ${open.status.state}` : 'the disks are copied';
  return why ? `${copy}: ${why.title}` : copy;
}

/** The commit that decides where the instance is. */
function handOver(move: Move, source: Guest, incoming: Guest): void {
  const { view, draft } = move;
  const { toName, restart } = moveInput(move);
  move.binding = withSpec(incoming, { role: 'run', power: restart ? 'running' : 'stopped' });
  draft.put(move.binding);
  draft.put(withSpec(source, { remove: true, power: 'stopped', force: true }));
  for (const replica of diskReplicas(view)) draft.put(withoutSend(replica, 'absent'));
  exchangeHardware(draft, fitsOf(source.spec), [], source.spec.instance);
  move.done(moveSteps.handedOver, move.now, toName);
}

/** The order to send is withdrawn. */
export function withoutSend(replica: Replica, desired: 'present' | 'absent'): Replica {
  if (replica.spec.what !== 'disk') return replica;
  const { send: _, ...spec } = replica.spec;
  return { ...replica, generation: replica.generation + 1, spec: { ...spec, desired } };
}

/** After the hand-over: the guest stands at the target, and the source gets empty. */
function arrive(move: Move, guest: Guest): void {
  if (isEmptied(move)) {
    dropOthers(move);
    move.done(moveSteps.cleared);
  }
  const stands = standing(move, guest);
  if (stands) move.done(stands.step, stands.at, guest.status.accelerator);
  const failure = stands ? undefined : (guestFailure(move) ?? late(move));
  if (failure) move.fail(failure);
  else if (stands && (move.isDone(moveSteps.cleared) || move.pastDeadline)) {
    move.done(moveSteps.cleared, move.now, `not yet: ${moveInput(move).fromName} clears it when it is back`);
    move.succeed({ node: moveInput(move).toName });
  }
}

function standing(move: Move, guest: Guest): { step: string; at: string } | undefined {
  if (!isCurrent(guest)) return undefined;
  const { state, startedAt } = guest.status;
  if (moveInput(move).restart)
    return state === 'running' || state === 'paused'
      ? { step: waitSteps.running, at: startedAt ?? move.now }
      : undefined;
  return state === 'defined' || state === 'stopped' ? { step: waitSteps.defined, at: move.now } : undefined;
}

/** What came to the target goes again; the guest is at the source as it was. */
function takeBack(move: Move, source: Guest, error: Problem | GantryError): void {
  const { view, draft, operation } = move;
  move.beginCleaning(error);
  for (const guest of view.others)
    draft.put(withSpec(guest, { remove: true, power: 'stopped', force: true }));
  for (const replica of copiesOf(move)) draft.put(withSpec(replica, { desired: 'absent' }) as Replica);
  for (const replica of diskReplicas(view)) draft.put(withoutSend(replica, 'present'));
  draft.put(
    withSpec(source, {
      life: lifeBefore(move, source),
      ...(moveInput(move).restart ? { power: 'running', force: false } : {}),
      operation: operation.id as NonNullable<Guest['spec']['operation']>,
    }),
  );
}

function clean(move: Move): void {
  const { error } = move.operation.status;
  if (!error) throw new Error('an operation that cleans up has no cause');
  const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
  const emptied = isEmptied(move);
  if (!emptied && move.nowMs < cleaningEndsMs(since)) return;
  if (emptied) {
    dropOthers(move);
    move.done(CLEAN_UP);
  } else move.log('warn', `${moveInput(move).toName} has not given back yet what came to it`);
  for (const { spec } of move.view.others) exchangeHardware(move.draft, fitsOf(spec), [], spec.instance);
  move.fail(error);
}

/** Nothing of it is left but at its own node. */
const isEmptied = ({ view }: Move): boolean =>
  view.others.every(guestGone) && view.elsewhere.every(replicaGone);

function dropOthers({ view, draft }: Move): void {
  for (const object of [...view.others, ...view.elsewhere]) draft.remove(object);
}
