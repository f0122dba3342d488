/** Devices of a running guest: what its operation wants plugged, against what libvirt shows. Pure. */
import type { Guest, GuestDevices, GuestStatus, Plug } from '@gantry/model';
import { type Action, type PluggedSpec, plugSubject } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { mediaReady, noteCd, settleCds } from './cds.ts';
import { filterStands } from './filter.ts';
import { failureOf, free, type PlanInput } from './input.ts';
import { plugIsUnprobed } from './probe.ts';

export interface PlugPart {
  actions: Action[];
  status: Pick<GuestStatus, 'devices' | 'plugError'>;
  wakeAt?: number;
}

/** Notes in `memory` what the guest was asked to give up. Nothing for a guest of which no device is to change. */
export function planPlug(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): PlugPart {
  const { plug } = guest.spec;
  keepAsked(memory, guest);
  if (!plug) return { actions: settled(guest, seen, input, memory), status: {} };
  const devices = devicesOf(seen, input, memory.updatedBy === plug.operation);
  const subject = plugSubject(guest.spec.instance);
  const failure = failureOf(input, subject, guest.generation);
  // What is still being plugged in may be there a moment later: nobody may take it for free yet.
  const unsettled = (plug.do === 'detach' || plug.replug) && input.busy.has(subject);
  const told = { ...(unsettled ? {} : { devices }), ...(failure ? { plugError: failure.problem } : {}) };
  const action = { do: `guest.${plug.do}Device` as const, spec: guest.spec as PluggedSpec };
  const may = isDue(plug, guest, devices, input) && free(input, subject, guest.generation);
  const leaving = leavingOf(plug);
  const leaves = plug.do === 'detach' || plug.replug;
  if (may && leaves && leaving && !memory.unplugging?.includes(leaving))
    memory.unplugging = [...(memory.unplugging ?? []), leaving];
  if (may) noteCd(plug, memory);
  return {
    actions: may ? [action] : [],
    status: told,
    ...(failure ? { wakeAt: failure.retryAt } : {}),
  };
}

/** One thing at a time. */
function settled(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): Action[] {
  const given = giveBack(guest, seen, input, memory);
  return given.length > 0 ? given : settleCds(guest, seen, input, memory);
}

const leavingOf = ({ disk, mac }: Plug): string | undefined => disk ?? mac;

function keepAsked(memory: GuestMemory, { spec }: Guest): void {
  const { disks, nics } = spec.input;
  // While it is being taken out it may yet be put back: when its operation fails at the very end.
  const leaving = spec.plug?.do === 'detach' ? [leavingOf(spec.plug) ?? ''] : [];
  const all: string[] = [...disks.map(({ id }) => id), ...nics.map(({ mac }) => mac), ...leaving];
  const still = [...new Set(all)].filter((id) => memory.unplugging?.includes(id));
  if (still.length > 0) memory.unplugging = still;
  else delete memory.unplugging;
}

/**
 * A guest may obey long after the operation gave up waiting: what it gave up on our word although it is to keep it is
 * plugged in again. What it lost otherwise (by hand, or of its own will) is for people to judge: `diff` shows it.
 */
function giveBack(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): Action[] {
  const { disks, nics = [] } = devicesOf(seen, input, false);
  const has = new Set<string>([...disks, ...nics]);
  const lost = memory.unplugging?.find((id) => !has.has(id));
  const operation = guest.spec.operation;
  const subject = plugSubject(guest.spec.instance);
  if (!lost || !operation || !free(input, subject, guest.generation)) return [];
  if (lost.includes(':') && !wireIsReady(lost, guest, input)) return [];
  const which = lost.includes(':') ? { mac: lost } : { disk: lost as NonNullable<Plug['disk']> };
  const plug: Plug = { operation, do: 'attach', ...which };
  return [{ do: 'guest.attachDevice', spec: { ...guest.spec, plug } }];
}

function isDue(plug: Plug, guest: Guest, devices: GuestDevices, input: PlanInput): boolean {
  if (plug.cd !== undefined) return isCdDue(plug, plug.cd, guest, devices, input);
  const there = plug.mac
    ? devices.nics?.includes(plug.mac) === true
    : devices.disks.includes(plug.disk as GuestDevices['disks'][number]);
  switch (plug.do) {
    case 'attach':
      return !there && (plug.mac ? wireIsReady(plug.mac, guest, input) : diskIsReady(plug, input));
    case 'detach':
      return there;
    case 'update':
      return (
        (there || plug.replug === true) &&
        !devices.updated &&
        (!plug.mac || wireIsReady(plug.mac, guest, input))
      );
  }
}

function isCdDue(
  { do: what }: Plug,
  slot: number,
  { spec }: Guest,
  devices: GuestDevices,
  { observation }: PlanInput,
): boolean {
  const there = devices.cds?.includes(slot) === true;
  if (what === 'detach') return there;
  const cd = spec.input.cds?.find((one) => one.slot === slot);
  const ready = cd !== undefined && mediaReady(cd, observation.bases);
  return ready && (what === 'attach' ? !there : there && !devices.updated);
}

/** Nothing of it may leave before the filter stands, and its bridge must be there. */
function wireIsReady(mac: string, guest: Guest, input: PlanInput): boolean {
  const nic = guest.spec.input.nics.find((one) => one.mac === mac);
  const bridge = input.observation.networks.find((one) => one.bridge === nic?.bridge);
  return bridge?.ready === true && !plugIsUnprobed(guest, input) && filterStands(guest, input);
}

const diskIsReady = ({ disk }: Plug, { observation }: PlanInput): boolean =>
  disk === undefined || observation.disks.some((one) => one.disk === disk && one.state === 'ready');

/** Disks by the files that QEMU has open. */
function devicesOf(seen: SeenDomain, { observation }: PlanInput, updated: boolean): GuestDevices {
  const open = new Set(seen.disks?.map(({ path }) => path));
  const disks = observation.disks.filter(({ path, state }) => state === 'ready' && open.has(path));
  return {
    disks: disks.map(({ disk }) => disk as GuestDevices['disks'][number]),
    nics: seen.nics ?? [],
    ...(seen.cds ? { cds: seen.cds.map(({ slot }) => slot) } : {}),
    ...(updated ? { updated } : {}),
  };
}
