/** A guest whose memory is to be written to disk. Until that is done it counts as what it is: running, or paused. */
import type { Guest } from '@gantry/model';
import type { SeenDomain } from '../observation.ts';
import { type Answer, type GuestPart, mayAct } from './guest.ts';
import { failureOf, type PlanInput } from './input.ts';

export function planSave(guest: Guest, seen: SeenDomain, input: PlanInput, answer: Answer): GuestPart {
  const writing = input.busy.has(`guest:${guest.spec.instance}`) || beingSaved(seen);
  if (writing) return answer({ state: 'stopping', reason: 'its memory is being written to disk' });
  if (seen.state === 'shutdown') return answer({ state: 'stopping', reason: 'the guest is powering off' });
  const failure = failureOf(input, `guest:${guest.spec.instance}`, guest.generation);
  const may = mayAct(guest, input);
  const state = seen.state === 'paused' ? 'paused' : 'running';
  return answer(
    failure && !may ? { state, error: failure.problem } : { state: 'stopping' },
    may ? [{ do: 'guest.save', spec: guest.spec }] : [],
    failure?.retryAt,
  );
}

/** Somebody asked libvirt before: an agent that ended, or another tool. */
const beingSaved = ({ state, reason }: SeenDomain): boolean => state === 'paused' && reason === 'save';
