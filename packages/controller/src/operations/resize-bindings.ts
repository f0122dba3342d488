/** The bindings of a resize: while it stops, with the new size, and while it takes it. Each holds what the others need. */
import type { Fit, Guest, GuestInput, GuestSpec, HeldHardware, Instance, OperationId } from '@gantry/model';
import { guestSpec } from './guest-spec.ts';
import { holding, nextFit } from './held-hardware.ts';
import { held } from './rebound.ts';
import { reservedFor } from './reserved.ts';

export interface Exchanged {
  before: Instance;
  after: Instance;
  guest: Guest;
  /** Of `after`. */
  input: GuestInput;
  fit: Fit;
}

const former = ({ before, guest }: Exchanged, beside: Fit): HeldHardware[] =>
  holding('way-back', nextFit(guest.spec), before.spec.extraSpecs, beside);

/** With the new size. Until the operation has ended it may fail, so what it had is held, also where it was taken back. */
export function nextSpec(exchanged: Exchanged, power: GuestSpec['power']): GuestSpec {
  const { before, after, guest, input, fit } = exchanged;
  const { instance, epoch } = guest.spec;
  const hardware = former(exchanged, fit);
  return guestSpec(input, {
    instance,
    fit,
    epoch,
    power,
    ...reservedFor(after, input, { hardware, back: before.spec }),
  });
}

/** On its way down it holds what it will have. */
export function stopping(exchanged: Exchanged, operation: OperationId): Guest {
  const { before, after, guest, input, fit } = exchanged;
  const { reserved: _, ...spec } = guest.spec;
  const hardware = [
    ...former(exchanged, spec.fit),
    ...holding('next-start', fit, input.extraSpecs, spec.fit),
  ];
  const reserved = reservedFor(after, spec.input, { hardware, back: before.spec });
  return {
    ...guest,
    generation: guest.generation + 1,
    spec: { ...spec, power: 'stopped', operation, ...reserved },
  };
}

/** It takes the new size while it runs. */
export const taking = (exchanged: Exchanged, granted: GuestInput): Guest =>
  held(
    exchanged.after,
    exchanged.guest,
    exchanged.input,
    granted,
    former(exchanged, exchanged.guest.spec.fit),
  );
