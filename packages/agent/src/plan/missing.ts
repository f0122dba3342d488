/** What a guest waits for before anything is made of it: said as its reason. Pure. */
import type { Guest } from '@gantry/model';
import { mediaMissing } from './cds.ts';
import { filterStands } from './filter.ts';
import type { PlanInput } from './input.ts';
import { unprobed } from './probe.ts';

export const missingToDefine = (guest: Guest, input: PlanInput): string | undefined =>
  disksMissing(guest, input) ?? mediaMissing(guest.spec, input) ?? addressesUnprobed(guest, input);

export function missingToStart(guest: Guest, input: PlanInput): string | undefined {
  if (!input.mayStart) return 'waits for the controller to confirm the binding in this boot of the node';
  return (
    disksMissing(guest, input) ??
    mediaMissing(guest.spec, input) ??
    networksMissing(guest, input) ??
    filterMissing(guest, input) ??
    addressesUnprobed(guest, input)
  );
}

function disksMissing(guest: Guest, input: PlanInput): string | undefined {
  const absent = guest.spec.input.disks.find(
    ({ id }) =>
      input.busy.has(`disk:${id}`) ||
      !input.observation.disks.some((d) => d.disk === id && d.state === 'ready'),
  );
  return absent && `waits for disk ${absent.id}`;
}

function networksMissing(guest: Guest, input: PlanInput): string | undefined {
  const absent = guest.spec.input.nics.find(
    (nic) => !input.observation.networks.some((n) => n.bridge === nic.bridge && n.ready),
  );
  return absent && `waits for bridge ${absent.bridge}`;
}

const filterMissing = (guest: Guest, input: PlanInput): string | undefined =>
  filterStands(guest, input) ? undefined : 'waits for the filter of its NICs';

const addressesUnprobed = (guest: Guest, input: PlanInput): string | undefined =>
  unprobed(guest, input) ? 'waits to hear whether anybody else has its addresses' : undefined;
