/** A binding with other settings: of a guest that is down all of them, of one that is up what it takes now. */
import { lifePolicy } from '@gantry/guest';
import type { Guest, GuestInput, HeldHardware, Instance } from '@gantry/model';
import { unasked } from './binding.ts';
import { guestSpec } from './guest-spec.ts';
import { hardwareOf, startingFit } from './held-hardware.ts';
import { reservedFor } from './reserved.ts';

/** A guest that is down: all of it. */
export function rebound(after: Instance, guest: Guest, input: GuestInput, fit?: Guest['spec']['fit']): Guest {
  const { instance, epoch, power, operation } = guest.spec;
  const spec = guestSpec(input, {
    instance,
    epoch,
    power,
    ...startingFit(after, guest, input, fit),
    ...(operation ? { operation } : {}),
  });
  return { ...guest, generation: guest.generation + 1, spec };
}

/**
 * A guest that is up. This generation does not say that it is wanted: one that just powered itself off would be started.
 * @param hardware held for its next start, or the way back; without: what was held
 */
export function held(
  after: Instance,
  guest: Guest,
  input: GuestInput,
  granted = guest.spec.input,
  hardware = hardwareOf(guest.spec),
): Guest {
  const life = lifePolicy(input.policies);
  const kept = keeping(after, guest, granted, hardware);
  return { ...kept, spec: { ...kept.spec, life } };
}

/** What a guest that keeps some of its size has is what its binding grants; the rest waits. */
export function keeping(
  after: Instance,
  guest: Guest,
  granted: GuestInput,
  hardware: readonly HeldHardware[] = hardwareOf(guest.spec),
): Guest {
  const { reserved: _, ...spec } = guest.spec;
  return unasked(guest, { ...spec, input: granted, ...reservedFor(after, granted, { hardware }) });
}
