/** A binding with other settings: of a guest that is down all of them, of one that is up what it takes now. */
import { lifePolicy } from '@gantry/guest';
import type { Guest, GuestInput, Instance } from '@gantry/model';
import { guestSpec } from './guest-spec.ts';
import { reservedFor } from './reserved.ts';

/** A guest that is down: all of it. */
export function rebound(after: Instance, guest: Guest, input: GuestInput, fit = guest.spec.fit): Guest {
  const { instance, epoch, power, operation } = guest.spec;
  const spec = guestSpec(input, {
    instance,
    fit,
    epoch,
    power,
    ...reservedFor(after, input),
    ...(operation ? { operation } : {}),
  });
  return { ...guest, generation: guest.generation + 1, spec };
}

/**
 * A guest that is up. This generation does not say that it is wanted: one that just powered itself off would be started.
 */
export function held(after: Instance, guest: Guest, input: GuestInput, granted = guest.spec.input): Guest {
  const { reserved: _, ...spec } = guest.spec;
  const standing = (spec.standing ?? 0) + 1;
  const life = lifePolicy(input.policies);
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...spec, input: granted, life, standing, ...reservedFor(after, granted) },
  };
}

/** What a guest that keeps some of its size has is what its binding grants; the rest waits. */
export function keeping(after: Instance, guest: Guest, granted: GuestInput): Guest {
  const { reserved: _, ...spec } = guest.spec;
  const standing = (spec.standing ?? 0) + 1;
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...spec, input: granted, standing, ...reservedFor(after, granted) },
  };
}
