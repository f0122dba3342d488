/**
 * Addresses of a new guest are asked for on its networks while its disks are made, those that a NIC gets later while its
 * operation lasts: once, and before the guest can use them.
 */
import type { Guest, GuestSpec, GuestStatus, Problem } from '@gantry/model';
import type { Action } from '../actions.ts';
import { askedOf } from '../network/probe/asked.ts';
import { failureOf, free, type PlanInput } from './input.ts';

/** One text for what is to be asked, and by which operation where that is plugged. */
export const probeText = (spec: GuestSpec): string =>
  [...askedOf(spec)]
    .map(([bridge, addresses]) => `${bridge} ${addresses.join(' ')}`)
    .concat(isPlugged(spec) ? (spec.plug?.operation ?? []) : [])
    .join(', ');

const isPlugged = ({ plug }: GuestSpec): boolean => plug?.probe !== undefined && plug.do !== 'detach';

/** A guest that runs uses them already; once that it has, nobody asks any more. */
export function unprobed(guest: Guest, { memory }: PlanInput): boolean {
  const text = probeText(guest.spec);
  return text !== '' && memory.guests[guest.spec.instance]?.probed !== text;
}

export function probeAction(guest: Guest, input: PlanInput): Action[] {
  const { spec, generation } = guest;
  const inTime = isPlugged(spec) || !isUp(guest, input);
  const wanted = !spec.remove && input.observation.libvirt && inTime && unprobed(guest, input);
  const may = networksStand(spec, input) && free(input, `address:${spec.instance}`, generation);
  return wanted && may ? [{ do: 'address.probe', spec }] : [];
}

/** Who else has one of them, or why that could not be found out. */
export const probeFailure = (guest: Guest, input: PlanInput): Problem | undefined =>
  unprobed(guest, input)
    ? failureOf(input, `address:${guest.spec.instance}`, guest.generation)?.problem
    : undefined;

/** A NIC that is being attached or changed has addresses of which nobody knows yet who else has them. */
export const plugIsUnprobed = (guest: Guest, input: PlanInput): boolean =>
  isPlugged(guest.spec) && unprobed(guest, input);

/** For the operation that plugs it, whatever state the guest is in. */
export function plugProbed(guest: Guest, input: PlanInput): Pick<GuestStatus, 'probed' | 'plugError'> {
  if (!isPlugged(guest.spec)) return {};
  const plugError = probeFailure(guest, input);
  if (plugError) return { plugError };
  return unprobed(guest, input) ? {} : { probed: true };
}

const isUp = ({ spec }: Guest, { observation }: PlanInput): boolean =>
  observation.domains.some(
    ({ uuid, state }) => uuid === spec.instance && state !== 'shutoff' && state !== 'crashed',
  );

const networksStand = (spec: GuestSpec, { observation }: PlanInput): boolean =>
  [...askedOf(spec).keys()].every((bridge) =>
    observation.networks.some((network) => network.bridge === bridge && network.ready),
  );
