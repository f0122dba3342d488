/** Desired against observed: the actions that bring them together, and what to tell the controller. Pure. */
import type { Assignments } from '@gantry/model';
import type { GuestMemory } from '../env.ts';
import type { Observation } from '../observation.ts';
import { planAct } from './act.ts';
import { planAttachment } from './attachment.ts';
import { filterAction, leftoverFilters } from './filter.ts';
import { planGuest } from './guest.ts';
import { planCopies } from './guest-copy.ts';
import type { Part, Plan, PlanInput } from './input.ts';
import { probeAction } from './probe.ts';
import { disksSeen, planReplica } from './replica.ts';

export function plan(input: PlanInput): Plan {
  const { assignments } = input;
  const guests = assignments.guests.map((guest) => ({ guest, part: planGuest(guest, input) }));
  const parts: Part[] = [
    ...assignments.replicas.map((replica) => planReplica(replica, input)),
    ...assignments.attachments.map((attachment) => planAttachment(attachment, input)),
    ...guests.map(({ part }) => part),
    ...assignments.acts.map((act) => planAct(act, input)),
  ];
  const copies = planCopies(input);
  const memory: Record<string, GuestMemory> = {};
  for (const { guest, part } of guests) memory[guest.spec.instance] = part.memory;
  const wakeAt = [...parts.map((part) => part.wakeAt), ...retries(input)].filter((at) => at !== undefined);
  return {
    actions: [
      ...parts.flatMap((part) => part.actions),
      ...assignments.guests.flatMap((guest) => probeAction(guest, input)),
      ...assignments.guests.flatMap((guest) => filterAction(guest, input)),
      ...leftoverFilters(input),
      ...copies.actions,
    ],
    statuses: parts.map((part) => part.status),
    guests: memory,
    disks: disksSeen(input),
    abandon: [...parts.flatMap(({ abandon = [] }) => abandon), ...copies.abandon],
    unknown: unknownThings(assignments, input.observation),
    ...(wakeAt.length ? { wakeAt: Math.min(...wakeAt) } : {}),
  };
}

/** Whatever waits out a failure is looked at again when it may be tried. */
const retries = ({ failures, now }: PlanInput): number[] =>
  [...failures.values()].map(({ retryAt }) => retryAt).filter((at) => at > now);

/** Ours by their mark, but not in the assignments. Absence from the store justifies nothing, so they are only named. */
function unknownThings(assignments: Assignments, observation: Observation): string[] {
  const instances = new Set<string>(assignments.guests.map((g) => g.spec.instance));
  const disks = new Set<string>(
    assignments.replicas.flatMap((r) => (r.spec.what === 'disk' ? [r.spec.disk] : [])),
  );
  return [
    ...observation.domains
      .filter((d) => d.ours?.cluster === assignments.cluster && !instances.has(d.uuid))
      .map((d) => `domain ${d.name} (${d.uuid})`),
    ...observation.disks.filter((d) => !disks.has(d.disk)).map((d) => `disk ${d.path}`),
  ];
}
