/** A guest whose memory is to be written to disk. Until that is done it counts as what it is: running, or paused. */
import type { Guest } from '@gantry/model';
import type { SeenDomain } from '../observation.ts';
import { type Answer, failureOf, free, type GuestPart, type PlanInput } from './input.ts';

export function planSave(guest: Guest, seen: SeenDomain, input: PlanInput, answer: Answer): GuestPart {
  const subject = `guest:${guest.spec.instance}`;
  const writing = input.busy.has(subject) || beingSaved(seen);
  if (writing) return answer({ state: 'stopping', reason: 'its memory is being written to disk' });
  if (seen.state === 'shutdown') return answer({ state: 'stopping', reason: 'the guest is powering off' });
  const failure = failureOf(input, subject, guest.generation);
  const may = free(input, subject, guest.generation);
  const state = seen.state === 'paused' ? 'paused' : 'running';
  return answer(
    failure && !may ? { state, error: failure.problem } : { state: 'stopping' },
    may ? [{ do: 'guest.save', spec: guest.spec }] : [],
    failure?.retryAt,
  );
}

/** Somebody asked libvirt before: an agent that ended, or another tool. */
const beingSaved = ({ state, reason }: SeenDomain): boolean => state === 'paused' && reason === 'save';
