/** What operations on devices of an instance share: orders to its binding, and how far the node is with them. */
import type { Guest, GuestCd, GuestDisk, GuestNic, Operation, OperationId, Plug } from '@gantry/model';
import type { Move } from './advance.ts';
import { unasked } from './binding.ts';
import { isCurrent } from './view.ts';

export interface DeviceChange {
  disks?: GuestDisk[];
  nics?: GuestNic[];
  cds?: GuestCd[];
  /** Undefined: nothing is to be plugged any more. */
  plug?: Omit<Plug, 'operation'> | undefined;
}

/** The binding with other devices. It does not say that the guest is wanted: one that just powered itself off stays down. */
export function withDevices(
  guest: Guest,
  operation: Operation,
  { disks, nics, cds, plug }: DeviceChange,
): Guest {
  // What its start asked for it uses by now.
  const { plug: _, probe: __, ...spec } = guest.spec;
  const input = {
    ...spec.input,
    ...(disks ? { disks: disks.toSorted(byPlace) } : {}),
    ...(nics ? { nics: nics.toSorted(bySlot) } : {}),
    ...(cds ? { cds } : {}),
  };
  const order = plug ? { plug: { operation: operation.id as OperationId, ...plug } } : {};
  return unasked(guest, { ...spec, input, ...order });
}

const byPlace = (a: GuestDisk, b: GuestDisk): number => (a.index ?? 0) - (b.index ?? 0);

const bySlot = (a: GuestNic, b: GuestNic): number => (a.slot ?? 0) - (b.slot ?? 0);

export const withoutDisk = ({ spec }: Guest, disk: string): GuestDisk[] =>
  spec.input.disks.filter(({ id }) => id !== disk);

export const hasDisk = ({ spec }: Guest, disk: string): boolean =>
  spec.input.disks.some(({ id }) => id === disk);

/** Nobody else has the addresses that it is being given, as far as that was to be asked. */
export const isClear = (guest: Guest): boolean =>
  !guest.spec.plug?.probe || (isCurrent(guest) && guest.status.probed === true);

/** Of the running guest, as the node found it by the present orders. */
export const isOpen = (guest: Guest, disk: string): boolean | undefined =>
  isCurrent(guest) ? guest.status.devices?.disks.some((id) => id === disk) : undefined;

/** Orders the guest as it is, without anything to plug. */
export function endPlug(move: Move): void {
  const { guest } = move.view;
  if (!guest) return;
  const present = move.draft.current(guest);
  if (present.spec.plug) move.draft.put(withDevices(present, move.operation, {}));
}

/** The order as the operation first gave it, from its record. */
export const orderOf = <T>(move: Move): T => move.operation.spec.input as T;
