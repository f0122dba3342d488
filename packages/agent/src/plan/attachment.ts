/** Networks of this node: wanted against seen, with the DHCP leases of its guests. */
import { isDeepStrictEqual } from 'node:util';
import type { Attachment, AttachmentSpec, AttachmentStatus, Problem } from '@gantry/model';
import type { NetworkEnsure } from '../actions.ts';
import { leasesText } from '../leases.ts';
import { leftOut } from '../network/usable-leases.ts';
import type { SeenNetwork } from '../observation.ts';
import { failureOf, free, type Part, type PlanInput } from './input.ts';

export function planAttachment(attachment: Attachment, input: PlanInput): Part {
  const { spec, generation } = attachment;
  const subject = `network:${spec.network}`;
  const seen = input.observation.networks.find((n) => n.network === spec.network);
  const may = free(input, subject, generation);
  if (spec.desired === 'absent') {
    if (!seen && !input.busy.has(subject)) return answer(attachment, { state: 'absent' });
    const used =
      !input.observation.libvirt ||
      input.observation.domains.some(
        (d) => d.ours && d.state !== 'shutoff' && usesBridge(d.uuid, spec.bridge, input),
      );
    return {
      ...answer(attachment, { state: 'pending' }),
      actions: may && seen && !used ? [{ do: 'network.remove', spec }] : [],
    };
  }
  const leases = leasesOf(spec.bridge, input);
  if (seen?.ready && isFor(seen, spec) && (!spec.dhcp || seen.leases === leasesText(leases)))
    return answer(attachment, inService(leftOut(input.assignments.cluster, spec, leases)));
  const failure = failureOf(input, subject, generation);
  const status: AttachmentStatus = failure
    ? { state: 'failed', error: failure.problem }
    : { state: seen?.ready && isFor(seen, spec) ? 'ready' : 'pending' };
  return {
    ...answer(attachment, status),
    actions: may ? [{ do: 'network.ensure', spec, leases }] : [],
    ...(failure ? { wakeAt: failure.retryAt } : {}),
  };
}

const inService = (error: Problem | undefined): AttachmentStatus => ({
  state: 'ready',
  ...(error ? { error } : {}),
});

/** Whether what stands was made for this spec: the network may have been set otherwise since. */
const isFor = (seen: SeenNetwork, spec: AttachmentSpec): boolean =>
  isDeepStrictEqual({ ...seen.spec, desired: spec.desired }, spec);

const usesBridge = (instance: string, bridge: string, input: PlanInput): boolean =>
  input.assignments.guests.some(
    (g) => g.spec.instance === instance && g.spec.input.nics.some((n) => n.bridge === bridge),
  );

function leasesOf(bridge: string, input: PlanInput): NetworkEnsure['leases'] {
  return input.assignments.guests
    .filter((guest) => !guest.spec.remove)
    .flatMap((guest) =>
      guest.spec.input.nics.flatMap((nic) =>
        nic.bridge === bridge && nic.dhcp && nic.ipv4
          ? [
              {
                mac: nic.mac,
                ipv4: nic.ipv4,
                hostname: guest.spec.input.personality.hostname ?? guest.spec.input.name,
              },
            ]
          : [],
      ),
    );
}

const answer = (attachment: Attachment, status: AttachmentStatus): Part => ({
  actions: [],
  status: { kind: 'attachment', id: attachment.id, generation: attachment.generation, status },
});
