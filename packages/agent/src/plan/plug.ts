/** Devices of a running guest: what its operation wants plugged, against what libvirt shows. Pure. */
import type { Guest, GuestDevices, GuestStatus, Plug } from '@gantry/model';
import { type Action, type PluggedSpec, plugSubject } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { failureOf, free, type PlanInput } from './input.ts';

export interface PlugPart {
  actions: Action[];
  status: Pick<GuestStatus, 'devices' | 'plugError'>;
  wakeAt?: number;
}

/** Notes in `memory` what the guest was asked to give up. Nothing for a guest of which no device is to change. */
export function planPlug(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): PlugPart {
  const { plug } = guest.spec;
  keepAsked(memory, guest);
  if (!plug) return { actions: giveBack(guest, seen, input, memory), status: {} };
  const devices = devicesOf(seen, input, memory.updatedBy === plug.operation);
  const subject = plugSubject(guest.spec.instance);
  const failure = failureOf(input, subject, guest.generation);
  const told = { devices, ...(failure ? { plugError: failure.problem } : {}) };
  const action = { do: `guest.${plug.do}Device` as const, spec: guest.spec as PluggedSpec };
  const may = isDue(plug, devices, input) && free(input, subject, guest.generation);
  if (may && plug.do === 'detach' && plug.disk) memory.unplugging = [...(memory.unplugging ?? []), plug.disk];
  return {
    actions: may ? [action] : [],
    status: told,
    ...(failure ? { wakeAt: failure.retryAt } : {}),
  };
}

function keepAsked(memory: GuestMemory, { spec }: Guest): void {
  const still = spec.input.disks.map(({ id }) => id).filter((id) => memory.unplugging?.includes(id));
  if (still.length > 0) memory.unplugging = still;
  else delete memory.unplugging;
}

/**
 * A guest may obey long after the operation gave up waiting: what it gave up on our word although it is to keep it is
 * plugged in again. What it lost otherwise (by hand, or of its own will) is for people to judge: `diff` shows it.
 */
function giveBack(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): Action[] {
  const { disks } = devicesOf(seen, input, false);
  const lost = memory.unplugging?.find((id) => !disks.some((disk) => disk === id)) as Plug['disk'];
  const operation = guest.spec.operation;
  const subject = plugSubject(guest.spec.instance);
  if (!lost || !operation || !free(input, subject, guest.generation)) return [];
  const plug: Plug = { operation, do: 'attach', disk: lost };
  return [{ do: 'guest.attachDevice', spec: { ...guest.spec, plug } }];
}

function isDue(plug: Plug, devices: GuestDevices, input: PlanInput): boolean {
  const there = devices.disks.includes(plug.disk as GuestDevices['disks'][number]);
  switch (plug.do) {
    case 'attach':
      return !there && diskIsReady(plug, input);
    case 'detach':
      return there;
    case 'update':
      return there && !devices.updated;
  }
}

const diskIsReady = ({ disk }: Plug, { observation }: PlanInput): boolean =>
  disk === undefined || observation.disks.some((one) => one.disk === disk && one.state === 'ready');

/** Disks by the files that QEMU has open. */
function devicesOf(seen: SeenDomain, { observation }: PlanInput, updated: boolean): GuestDevices {
  const open = new Set(seen.disks?.map(({ path }) => path));
  const disks = observation.disks.filter(({ path, state }) => state === 'ready' && open.has(path));
  return {
    disks: disks.map(({ disk }) => disk as GuestDevices['disks'][number]),
    ...(updated ? { updated } : {}),
  };
}
