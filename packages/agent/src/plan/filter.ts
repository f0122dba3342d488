/** Filters of guests: in place before the first frame, gone after the last, mended whenever they are not as wanted. */
import type { Guest } from '@gantry/model';
import type { Action } from '../actions.ts';
import { wantedText } from '../network/filter/filters.ts';
import { guestFilter } from '../network/filter/sources.ts';
import type { SeenDomain } from '../observation.ts';
import { free, type PlanInput } from './input.ts';
import { plugIsUnprobed } from './probe.ts';

/** The filter that the guest should have and has not. */
export function filterAction(guest: Guest, input: PlanInput): Action[] {
  const { instance } = guest.spec;
  // One that lets out what others may have must wait; until then the old one stands, or none, which lets nothing out.
  if (!wantsFilter(guest, input) || filterStands(guest, input) || plugIsUnprobed(guest, input)) return [];
  const may = free(input, `filter:${instance}`, guest.generation);
  return may ? [{ do: 'filter.ensure', spec: guest.spec }] : [];
}

/** Guests without NICs have none. */
export function filterStands({ spec }: Guest, { observation }: PlanInput): boolean {
  const seen = observation.filters.find(({ instance }) => instance === spec.instance)?.text ?? '';
  return seen === wantedText(guestFilter(spec));
}

export const filterIsGone = ({ spec }: Guest, { observation, busy }: PlanInput): boolean =>
  !busy.has(`filter:${spec.instance}`) &&
  !observation.filters.some(({ instance }) => instance === spec.instance);

const wantsFilter = ({ spec }: Guest, input: PlanInput): boolean =>
  (!spec.remove && spec.power === 'running') || lives(domainOf(spec.instance, input));

/**
 * Filters of guests that are neither here nor to be: by their mark they are ours, and without a tap they do nothing.
 * One of a guest that is being started is not looked at.
 */
export function leftoverFilters(input: PlanInput): Action[] {
  if (!input.observation.libvirt) return [];
  return input.observation.filters.flatMap(({ instance }): Action[] => {
    const guest = input.assignments.guests.find(({ spec }) => spec.instance === instance);
    const wanted = guest ? wantsFilter(guest, input) : lives(domainOf(instance, input));
    const busy = input.busy.has(`guest:${instance}`);
    if (wanted || busy || !free(input, `filter:${instance}`, guest?.generation ?? 0)) return [];
    return [{ do: 'filter.remove', instance }];
  });
}

const domainOf = (instance: string, { observation }: PlanInput): SeenDomain | undefined =>
  observation.domains.find(({ uuid }) => uuid === instance);

const lives = (seen: SeenDomain | undefined): boolean =>
  seen !== undefined && seen.state !== 'shutoff' && seen.state !== 'crashed';
