/**
 * cd.attach, cd.detach, cd.insert, cd.eject. As with disks: the binding says what a drive is to hold, and the node
 * answers with what it found. A guest that keeps its tray locked keeps the medium, and everything says so.
 */
import type { CdDrive, GantryError, Guest, GuestCd, Problem } from '@gantry/model';
import { withSpec } from '../store/batch.ts';
import type { Logic, Move } from './advance.ts';
import { endPlug, orderOf, withDevices } from './plug.ts';
import { failedPart, isCurrent, isDown } from './view.ts';

export const cdSteps = {
  'cd.attach': { media: 'image on its node', done: 'attached' },
  'cd.detach': { done: 'detached' },
  'cd.insert': { media: 'image on its node', done: 'inserted' },
  'cd.eject': { done: 'ejected' },
} as const;

const MEDIA = cdSteps['cd.insert'].media;

export interface CdOrder {
  slot: number;
  /** The binding takes part in it: its guest gets it now, or is down. */
  live: boolean;
  /** To put it back. */
  before: { drive?: CdDrive; entry?: GuestCd };
}

export const cdDevice: Logic = {
  advance(move) {
    const { guest, instance } = move.view;
    if (!guest || !instance) return move.fail(move.deadlineError('the guest is gone'));
    const media = mediaOf(move);
    if (!media || media.status.state === 'ready') move.done(MEDIA, media?.status.readyAt);
    if (isThere(move, guest) && (move.isDone(MEDIA) || !move.step(MEDIA))) return end(move, guest);
    const failure = move.cancelError() ?? failureOf(move, guest);
    if (failure) putBack(move, guest, failure);
  },
};

/** The content that this is about, on the node. */
function mediaOf({ view, operation }: Move) {
  const { slot } = operation.spec.input as unknown as CdOrder;
  const image = view.instance?.spec.cds?.find((one) => one.slot === slot)?.image;
  return view.replicas.find(({ spec }) => spec.what === 'base' && spec.image === image);
}

function isThere(move: Move, guest: Guest): boolean {
  const { slot, live } = orderOf<CdOrder>(move);
  if (!live || isDown(guest)) return true;
  if (!isCurrent(guest)) return false;
  const { devices } = guest.status;
  const has = devices?.cds?.includes(slot);
  const { kind } = move.operation.spec;
  if (kind === 'cd.attach') return has === true;
  if (kind === 'cd.detach') return devices !== undefined && has !== true;
  // a drive that its next start brings holds it then
  return devices?.updated === true || has === false || (devices !== undefined && !devices.cds);
}

function end(move: Move, guest: Guest): void {
  const { slot } = orderOf<CdOrder>(move);
  const { kind } = move.operation.spec;
  move.done(cdSteps[kind as keyof typeof cdSteps].done);
  const left = guest.spec.input.cds?.filter((one) => one.slot !== slot);
  const leaves = kind === 'cd.detach' && orderOf<CdOrder>(move).live;
  if (leaves && left?.length !== guest.spec.input.cds?.length)
    move.draft.put(withDevices(guest, move.operation, { cds: left ?? [] }));
  else endPlug(move);
  move.succeed({ cd: slot });
}

/** A guest that has locked its tray has answered; of others the deadline decides. */
function failureOf(move: Move, guest: Guest): Problem | GantryError | undefined {
  const media = mediaOf(move);
  const failed = failedPart([media], guest);
  if (failed) return failed;
  const told = isCurrent(guest) ? guest.status.plugError : undefined;
  const waits = told?.code === 'device_kept' || told?.code === 'hypervisor_unreachable';
  if (told && !waits) return told;
  if (!move.pastDeadline) return undefined;
  return told ?? move.deadlineError(`guest ${guest.status.state}, image ${media?.status.state ?? 'none'}`);
}

function putBack(move: Move, guest: Guest, error: Problem | GantryError): void {
  const { slot, live, before } = orderOf<CdOrder>(move);
  const { instance } = move.view;
  const drives = (instance?.spec.cds ?? []).filter((one) => one.slot !== slot);
  const was = before.drive ? [...drives, before.drive] : drives;
  if (instance) move.draft.put(withSpec(instance, { cds: bySlot(was) }));
  if (live) {
    const others = (guest.spec.input.cds ?? []).filter((one) => one.slot !== slot);
    const cds = before.entry ? [...others, before.entry] : others;
    move.draft.put(withDevices(guest, move.operation, { cds: bySlot(cds) }));
  }
  move.fail(error);
}

const bySlot = <T extends { slot: number }>(drives: readonly T[]): T[] =>
  drives.toSorted((a, b) => a.slot - b.slot);
