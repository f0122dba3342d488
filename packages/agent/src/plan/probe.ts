/** Addresses of a new guest are asked for on its networks while its disks are made: once, and before it can use them. */
import type { Guest, GuestSpec, Problem } from '@gantry/model';
import type { Action } from '../actions.ts';
import { askedOf } from '../network/probe/asked.ts';
import { failureOf, free, type PlanInput } from './input.ts';

/** One text for what is to be asked. */
export const probeText = (spec: GuestSpec): string =>
  [...askedOf(spec)].map(([bridge, addresses]) => `${bridge} ${addresses.join(' ')}`).join(', ');

/** A guest that runs uses them already; once that it has, nobody asks any more. */
export function unprobed(guest: Guest, { memory }: PlanInput): boolean {
  const text = probeText(guest.spec);
  return text !== '' && memory.guests[guest.spec.instance]?.probed !== text;
}

export function probeAction(guest: Guest, input: PlanInput): Action[] {
  const { spec, generation } = guest;
  const wanted = !spec.remove && input.observation.libvirt && !isUp(guest, input) && unprobed(guest, input);
  const may = networksStand(spec, input) && free(input, `address:${spec.instance}`, generation);
  return wanted && may ? [{ do: 'address.probe', spec }] : [];
}

/** Who else has one of them, or why that could not be found out. */
export const probeFailure = (guest: Guest, input: PlanInput): Problem | undefined =>
  unprobed(guest, input)
    ? failureOf(input, `address:${guest.spec.instance}`, guest.generation)?.problem
    : undefined;

const isUp = ({ spec }: Guest, { observation }: PlanInput): boolean =>
  observation.domains.some(
    ({ uuid, state }) => uuid === spec.instance && state !== 'shutoff' && state !== 'crashed',
  );

const networksStand = (spec: GuestSpec, { observation }: PlanInput): boolean =>
  [...askedOf(spec).keys()].every((bridge) =>
    observation.networks.some((network) => network.bridge === bridge && network.ready),
  );
