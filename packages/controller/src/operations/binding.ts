/** While an instance is moved it has two guests: the binding, and one that is to come or is left behind. */
import { compareEpochs, type Guest, type Instance } from '@gantry/model';

/** Where it belongs now: the instance's epoch is that of its binding. */
export const isBinding = ({ spec }: Guest, { status }: Pick<Instance, 'status'>): boolean =>
  status.epoch !== undefined && compareEpochs(spec.epoch, status.epoch) === 0;

/** Of the guests of one instance the binding. */
export const bindingAmong = (
  guests: readonly Guest[],
  instance: Pick<Instance, 'status'> | undefined,
): Guest | undefined =>
  (instance && guests.find((guest) => isBinding(guest, instance))) ??
  guests.find(({ spec }) => spec.role === 'run') ??
  guests[0];

/** With another spec that says nothing of whether the guest is wanted: one that has ended by itself meanwhile stays down. */
export const unasked = (guest: Guest, spec: Guest['spec']): Guest => ({
  ...guest,
  generation: guest.generation + 1,
  spec: { ...spec, standing: (guest.spec.standing ?? 0) + 1 },
});
