/**
 * start and reboot from elsewhere, once. A guest that may run is stopped first, when what lies in its CD drives is on its
 * node: no image costs it downtime. Until it is down its binding is what its QEMU has, and it may be called off. Then the
 * binding says what to boot until the node has seen that start. From then on no word of it is left that anybody could
 * follow again: neither an agent that has lost its journal, nor another node.
 */
import type {
  BootOrder,
  GantryError,
  Guest,
  GuestSpec,
  Operation,
  OperationId,
  Problem,
} from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { unasked } from './binding.ts';
import { putBinding } from './held-hardware.ts';
import { howForced, powerBefore, type Stopped, stopSteps, withdraw } from './instance-stop.ts';
import { failedPart, isCurrent, isDown } from './view.ts';
import { awaitGuest, failureOf, waitSteps } from './waits.ts';

/** What is kept with the operation. */
export interface OnceInput extends Pick<Stopped, 'before'> {
  bootOnce: BootOrder;
  /** What it is started with. */
  next: GuestSpec;
  /** It is stopped without being asked. */
  force?: boolean;
}

const inputOf = ({ spec }: Operation): OnceInput => spec.input as unknown as OnceInput;

export const onceSteps = { media: 'images on its node' } as const;

/** Goes on as `logic` does, but where the operation is to boot from elsewhere. */
export const onceOr = (logic: Logic): Logic => ({
  ...logic,
  advance: (move) => (move.operation.spec.input['bootOnce'] ? advance(move) : logic.advance(move)),
});

function advance(move: Move): void {
  const { guest } = move.view;
  if (!guest) move.fail(move.deadlineError('the guest is gone'));
  else if (move.isDone(waitSteps.running)) awaitGuest(move, (last, error) => last.fail(error));
  else if (move.step(onceSteps.media) && !move.isDone(onceSteps.media)) awaitMedia(move, guest);
  else if (move.step(stopSteps.stopped) && !move.isDone(stopSteps.stopped)) goDown(move, guest);
  else awaitOnce(move, guest);
}

/** Nothing of the guest has changed yet. */
function awaitMedia(move: Move, guest: Guest): void {
  const { instance } = move.view;
  const { next, force = false } = inputOf(move.operation);
  const wanted = next.input.cds?.flatMap(({ media }) => media?.sha256 ?? []) ?? [];
  const media = wanted.map((sha256) =>
    move.view.replicas.find(({ spec }) => spec.what === 'base' && spec.sha256 === sha256),
  );
  const failed = media.map((one) => failedPart([one], guest)).find((problem) => problem !== undefined);
  const failure = move.cancelError() ?? failed ?? late(move, guest);
  if (failure) {
    const power = powerBefore(move);
    if (instance && instance.spec.power !== power) move.draft.put(withSpec(instance, { power }));
    move.fail(failure);
  } else if (media.every((one) => one && isCurrent(one) && one.status.state === 'ready')) {
    move.done(onceSteps.media);
    const operation = move.operation.id as OperationId;
    move.draft.put(withSpec(guest, { power: 'stopped', force, operation }));
  }
}

function goDown(move: Move, guest: Guest): void {
  const failure = move.cancelError() ?? failureOf(move) ?? late(move, guest);
  if (failure) withdraw(move, failure);
  else if (isDown(guest)) {
    move.done(stopSteps.stopped, undefined, howForced(guest));
    putBinding(move.draft, guest, bindingOfOnce(guest, move.operation));
  }
}

export function bindingOfOnce(guest: Guest, begun: Operation): Guest {
  const { next, bootOnce: order } = inputOf(begun);
  const operation = begun.id as OperationId;
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...next, operation, bootOnce: { operation, order } },
  };
}

const late = (move: Move, { status }: Guest): GantryError | undefined =>
  move.pastDeadline ? move.deadlineError(`guest ${status.state}`) : undefined;

function awaitOnce(move: Move, guest: Guest): void {
  if (isCurrent(guest) && guest.status.bootedOnce === move.operation.id) {
    move.done(waitSteps.running, guest.status.startedAt, guest.status.accelerator);
    move.draft.put(withoutOnce(guest));
    if (move.operation.status.steps.every(({ state }) => state === 'done')) move.succeed();
    return;
  }
  const failure = move.cancelError() ?? failureOf(move) ?? late(move, guest);
  if (failure) takeBack(move, guest, failure);
}

/** It boots as always: one that was down stays down, and one that ran goes on. */
function takeBack(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { instance } = move.view;
  const power = powerBefore(move);
  if (instance) move.draft.put(withSpec(instance, { power }));
  const { bootOnce: _, ...spec } = guest.spec;
  const force = power === 'stopped';
  move.draft.put({ ...guest, generation: guest.generation + 1, spec: { ...spec, power, force } });
  move.fail(error);
}

function withoutOnce(guest: Guest): Guest {
  const { bootOnce: _, force: __, ...spec } = guest.spec;
  return unasked(guest, spec);
}
