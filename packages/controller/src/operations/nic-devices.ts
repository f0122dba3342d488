/**
 * nic.attach, nic.detach, nic.set. As with disks: the binding says what is to be plugged, and the node answers with what
 * it found. Addresses are taken when something begins and given back when the guest no longer has them.
 */
import type { GantryError, Guest, GuestNic, Instance, Nic, Problem } from '@gantry/model';
import { address6Space, addressSpace, MAC_SPACE } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import { CLEAN_UP, type Logic, type Move } from './advance.ts';
import { cleaningEndsMs } from './instance-create.ts';
import { isClear, orderOf, withDevices } from './plug.ts';
import { failedPart, isCurrent, isDown } from './view.ts';

export const nicSteps = {
  attach: { plugged: 'plugged in' },
  detach: { given: 'given up by the guest', free: 'detached' },
  set: { set: 'set' },
} as const;

export interface NicOrder {
  mac: string;
  /** As the binding and the instance had it, to put it back. */
  before?: { entry: GuestNic; nic: Nic };
  /** The running guest is changed, too. */
  live?: boolean;
  changes?: object[];
}

const entryOf = ({ spec }: Guest, mac: string): GuestNic | undefined =>
  spec.input.nics.find((nic) => nic.mac === mac);
const without = ({ spec }: Guest, mac: string): GuestNic[] =>
  spec.input.nics.filter((nic) => nic.mac !== mac);
const isIn = (guest: Guest, mac: string): boolean | undefined =>
  isCurrent(guest) ? guest.status.devices?.nics?.includes(mac) : undefined;
const isOut = (guest: Guest, mac: string): boolean => isDown(guest) || isIn(guest, mac) === false;

export const nicAttach: Logic = {
  advance(move) {
    const { guest } = move.view;
    const { mac } = orderOf<NicOrder>(move);
    if (!guest) return move.fail(move.deadlineError('the guest is gone'));
    if (move.operation.status.state === 'cleaning') return cleanAttach(move, guest, mac);
    if ((isDown(guest) || isIn(guest, mac)) && isClear(guest)) {
      move.done(nicSteps.attach.plugged);
      if (guest.spec.plug) move.draft.put(withDevices(guest, move.operation, {}));
      return move.succeed();
    }
    const failure = move.cancelError() ?? failureOf(move, guest);
    if (!failure) return;
    move.beginCleaning(failure);
    move.draft.put(
      withDevices(guest, move.operation, { nics: without(guest, mac), plug: { do: 'detach', mac } }),
    );
  },
};

function failureOf(move: Move, guest: Guest): Problem | GantryError | undefined {
  const told = isCurrent(guest) ? guest.status.plugError : undefined;
  const late = move.pastDeadline ? move.deadlineError(`guest ${guest.status.state}`) : undefined;
  return failedPart(move.view.attachments, guest) ?? told ?? late;
}

/** A guest that keeps it all the same keeps its addresses, too. */
function cleanAttach(move: Move, guest: Guest, mac: string): void {
  const error = move.operation.status.error;
  if (!error) throw new Error('an operation that cleans up has no cause');
  const since = Date.parse(move.step(CLEAN_UP)?.startedAt ?? move.now);
  const out = isOut(guest, mac);
  if (!out && move.nowMs < cleaningEndsMs(since)) return;
  if (out) freeNic(move, mac);
  else move.log('warn', `NIC ${mac} stays: detach it`);
  move.draft.put(withDevices(guest, move.operation, {}));
  move.done(CLEAN_UP);
  move.fail(error);
}

export const nicDetach: Logic = {
  advance(move) {
    const { guest } = move.view;
    const { mac } = orderOf<NicOrder>(move);
    const out = !guest || isOut(guest, mac);
    if (out && (!guest || !entryOf(guest, mac))) {
      move.done(nicSteps.detach.given);
      freeNic(move, mac);
      if (guest?.spec.plug) move.draft.put(withDevices(guest, move.operation, {}));
      move.done(nicSteps.detach.free);
      return move.succeed();
    }
    if (out && guest) {
      move.done(nicSteps.detach.given);
      const plug = { do: 'detach' as const, mac };
      move.draft.put(withDevices(guest, move.operation, { nics: without(guest, mac), plug }));
      return;
    }
    const failure = move.cancelError() ?? (guest && refusal(move, guest));
    if (failure && guest) keep(move, guest, failure);
  },
};

function refusal(move: Move, guest: Guest): Problem | GantryError | undefined {
  const told = isCurrent(guest) ? guest.status.plugError : undefined;
  if (told?.code === 'device_refused') return told;
  if (!move.pastDeadline) return undefined;
  return told ?? move.deadlineError(`guest ${guest.status.state}, it still has the NIC`);
}

function keep(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { mac, before } = orderOf<NicOrder>(move);
  const nics = before ? [...without(guest, mac), before.entry] : guest.spec.input.nics;
  move.draft.put(withDevices(guest, move.operation, { nics }));
  move.fail(error);
}

export const nicSet: Logic = {
  advance(move) {
    const { guest, instance } = move.view;
    const { mac, live, before, changes } = orderOf<NicOrder>(move);
    if (!guest || !instance || !before) return move.fail(move.deadlineError('the guest is gone'));
    const now = instance.spec.nics.find((nic) => nic.mac === mac);
    const updated = !live || isDown(guest) || (isCurrent(guest) && guest.status.devices?.updated);
    if (updated && isClear(guest)) {
      move.done(nicSteps.set.set);
      if (now) releaseAddresses(move.draft, instance, before.nic, now);
      if (guest.spec.plug) move.draft.put(withDevices(guest, move.operation, {}));
      return move.succeed({ mac, changes: changes ?? [] });
    }
    const failure = move.cancelError() ?? failureOf(move, guest);
    // A guest that says nothing is asked again, until the deadline.
    if (!failure || (failure.code === 'device_kept' && !move.pastDeadline)) return;
    if (now) releaseAddresses(move.draft, instance, now, before.nic);
    putNics(move, (nic) => (nic.mac === mac ? before.nic : nic));
    move.draft.put(withDevices(guest, move.operation, { nics: [...without(guest, mac), before.entry] }));
    move.fail(failure);
  },
};

function freeNic(move: Move, mac: string): void {
  const { instance } = move.view;
  const nic = instance?.spec.nics.find((one) => one.mac === mac);
  if (!instance || !nic) return;
  putNics(move, (one) => (one.mac === mac ? undefined : one));
  move.draft.batch.release.push({ owner: instance.id, space: MAC_SPACE, value: mac });
  releaseAddresses(move.draft, instance, nic, undefined);
}

function putNics(move: Move, change: (nic: Nic) => Nic | undefined): void {
  const { instance } = move.view;
  if (!instance) return;
  const present = move.draft.current(instance);
  const nics = present.spec.nics.flatMap((nic) => change(nic) ?? []);
  move.draft.put({ ...present, generation: present.generation + 1, spec: { ...present.spec, nics } });
}

/** Those of `from` that `to` has not. */
function releaseAddresses(draft: Draft, { id: owner }: Instance, from: Nic, to: Nic | undefined): void {
  const same = from.network === to?.network;
  const { ipv4, ipv6, network } = from;
  if (ipv4 && !(same && to?.ipv4 === ipv4))
    draft.batch.release.push({ owner, space: addressSpace(network), value: ipv4 });
  if (ipv6 && !(same && to?.ipv6 === ipv6))
    draft.batch.release.push({ owner, space: address6Space(network), value: ipv6 });
}
