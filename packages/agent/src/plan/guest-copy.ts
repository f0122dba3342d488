/** Copies of running guests' disks: begun where they are wanted, ended where they are not any more. */
import { type Action, type CopiedSpec, copySubject } from '../actions.ts';
import { type Abandon, free, type PlanInput } from './input.ts';

export function planCopies(input: PlanInput): { actions: Action[]; abandon: Abandon[] } {
  const { assignments, observation } = input;
  if (!observation.libvirt) return { actions: [], abandon: [] };
  const wanted = assignments.guests.filter(({ spec }) => spec.copies !== undefined);
  const leftover = observation.copies.filter(
    ({ instance, operation }) =>
      !wanted.some(({ spec }) => spec.instance === instance && spec.copies?.operation === operation),
  );
  const ready = new Set(observation.disks.filter(({ state }) => state === 'ready').map(({ disk }) => disk));
  const open = wanted.filter(
    ({ spec }) =>
      observation.copies.some(({ instance }) => instance === spec.instance) ||
      !spec.copies?.disks.every(({ to }) => ready.has(to)),
  );
  return {
    actions: [
      ...leftover
        .filter(({ instance }) => free(input, copySubject(instance), generationOf(input, instance)))
        .map(
          ({ instance }): Action => ({ do: 'guest.endCopy', instance: instance as CopiedSpec['instance'] }),
        ),
      ...open
        .filter(({ spec, generation }) => free(input, copySubject(spec.instance), generation))
        .map(({ spec }): Action => ({ do: 'guest.copy', spec: spec as CopiedSpec })),
    ],
    abandon: leftover.map(({ instance }) => ({ subject: copySubject(instance), doing: ['guest.copy'] })),
  };
}

const generationOf = ({ assignments }: PlanInput, instance: string): number =>
  assignments.guests.find(({ spec }) => spec.instance === instance)?.generation ?? 0;
