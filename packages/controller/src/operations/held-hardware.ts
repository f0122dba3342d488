/** Hardware of a node that a binding holds beside its fit: for its next start, or for the way back of a resize. */
import { isDeepStrictEqual } from 'node:util';
import type { Fit, Guest, GuestSpec, HeldHardware, Instance } from '@gantry/model';
import { exchangeHardware } from '../placement/choose-node.ts';
import type { Draft } from '../store/batch.ts';
import { reservedFor } from './reserved.ts';

type Holding = Pick<GuestSpec, 'fit' | 'reserved'>;

export const hardwareOf = ({ reserved }: Pick<GuestSpec, 'reserved'>): readonly HeldHardware[] =>
  reserved?.hardware ?? [];

/** All that is claimed for it. */
export const fitsOf = (spec: Holding): Fit[] => [spec.fit, ...hardwareOf(spec).map(({ fit }) => fit)];

/** That of the settings that its instance has now. */
export const nextFit = (spec: Holding): Fit =>
  hardwareOf(spec).find(({ purpose }) => purpose === 'next-start')?.fit ?? spec.fit;

export const wayBack = (spec: Holding): HeldHardware | undefined =>
  hardwareOf(spec).find(({ purpose }) => purpose === 'way-back');

/** Nothing where the fit is the same: what differs beside it is no hardware. */
export const holding = (
  purpose: HeldHardware['purpose'],
  fit: Fit,
  extraSpecs: Readonly<Record<string, string>> | undefined,
  beside: Fit,
): HeldHardware[] =>
  isDeepStrictEqual(fit, beside) && !asksResources(extraSpecs)
    ? []
    : [{ purpose, fit, extraSpecs: { ...extraSpecs } }];

const asksResources = (extraSpecs: Readonly<Record<string, string>> = {}): boolean =>
  Object.keys(extraSpecs).some((key) => key.startsWith('resources'));

/** A binding that starts with what its instance is to have; what a resize may go back to stays held. */
export function startingFit(
  instance: Instance,
  { spec }: Guest,
  input: GuestSpec['input'],
  fit = nextFit(spec),
): Pick<GuestSpec, 'fit' | 'reserved'> {
  const back = instance.spec.resize && wayBack(spec);
  return { fit, ...reservedFor(instance, input, { hardware: back ? [back] : [] }) };
}

/** Puts the binding, and claims what its hardware has more, and gives back what it has less. */
export function putBinding(draft: Draft, before: Guest, after: Guest): void {
  exchangeHardware(draft, fitsOf(before.spec), fitsOf(after.spec), before.spec.instance);
  draft.put(after);
}
