/** Domains that somebody else made: taken under management as they are, and given back. Looks first; both may be repeated. */
import { compareEpochs, err, type Guest, toProblem } from '@gantry/model';
import type { SeenDomain } from '../observation.ts';
import { type Answer, failureOf, free, type GuestPart, type PlanInput } from './input.ts';

/** undefined: it bears this binding's mark, and is a guest like any other. */
export function planAdoption(
  guest: Guest,
  seen: SeenDomain | undefined,
  input: PlanInput,
  answer: Answer,
): GuestPart | undefined {
  const { instance, epoch, input: wanted } = guest.spec;
  const { cluster, node } = input.assignments;
  const subject = `guest:${instance}`;
  const refused = (why: string) =>
    answer({ state: 'unknown', error: toProblem(err('not_adoptable', { name: wanted.name, node, why })) });
  if (!seen) return refused('it is not there any more');
  if (seen.ours && seen.ours.cluster !== cluster)
    return refused(`it belongs to cluster ${seen.ours.cluster}`);
  if (seen.ours && compareEpochs(seen.ours.epoch, epoch) >= 0) return undefined;
  const failure = failureOf(input, subject, guest.generation);
  const may = free(input, subject, guest.generation);
  return answer(
    failure ? { state: 'unknown', error: failure.problem } : { state: 'unknown', reason: 'being imported' },
    may ? [{ do: 'guest.adopt', spec: guest.spec }] : [],
    failure?.retryAt,
  );
}

/** `absent`: nothing here says that it was ever ours. */
export function planRelease(
  guest: Guest,
  seen: SeenDomain | undefined,
  input: PlanInput,
  answer: Answer,
): GuestPart {
  const { instance } = guest.spec;
  const subject = `guest:${instance}`;
  const ours = seen?.ours?.cluster === input.assignments.cluster;
  const hasFiles = input.observation.guestFiles.includes(instance);
  if (!ours && !hasFiles && !input.busy.has(subject)) return answer({ state: 'absent' });
  const failure = failureOf(input, subject, guest.generation);
  return answer(
    { state: 'unknown', ...(failure ? { error: failure.problem } : { reason: 'being given back' }) },
    free(input, subject, guest.generation) ? [{ do: 'guest.release', spec: guest.spec }] : [],
    failure?.retryAt,
  );
}
