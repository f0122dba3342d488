/**
 * A start that boots from elsewhere, once. The domain itself is the record that it took place: it bears the operation, it
 * is made paused, and it goes on only when that was seen and written down. So whenever the agent dies, there is one such
 * start, never two, and its end is known for what it was.
 */
import type { Guest, GuestStatus } from '@gantry/model';
import type { Action } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';

/** It is still to come. */
export const isOnceDue = ({ spec }: Guest, { once }: GuestMemory): boolean =>
  spec.power === 'running' && spec.bootOnce !== undefined && once?.operation !== spec.bootOnce.operation;

/** Notes of a guest that QEMU has whether this is such a start. */
export function noteOnce({ ours, state }: SeenDomain, memory: GuestMemory): void {
  const operation = ours?.bootOnce;
  if (operation === undefined) {
    if (memory.once) memory.once = { operation: memory.once.operation };
    return;
  }
  const before = memory.once?.operation === operation ? memory.once : undefined;
  // the reboot that it was part of is over
  if (!before?.now) delete memory.rebootAskedAt;
  const ran = before?.ran || state === 'running';
  memory.once = { operation, now: true, ...(ran ? { ran } : {}) };
}

/** The end of such a start is no crash, and counts as none. */
export const isAfterOnce = (because: string, { once }: GuestMemory): boolean =>
  because === 'guest-reboot' && once?.now === true;

/** Made, and not let run yet. */
export const isHeldBack = ({ state }: SeenDomain, { once }: GuestMemory): boolean =>
  once?.now === true && !once.ran && state === 'paused';

export const letRun = ({ spec }: Guest): Action => ({ do: 'guest.resume', instance: spec.instance });

/** Told of that start once the guest has run. */
export const bootedOnce = ({ spec }: Guest, { once }: GuestMemory): Pick<GuestStatus, 'bootedOnce'> =>
  spec.bootOnce && spec.bootOnce.operation === once?.operation && once.ran
    ? { bootedOnce: spec.bootOnce.operation }
    : {};
