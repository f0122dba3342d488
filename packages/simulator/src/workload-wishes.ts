/** Whether instances are wanted up or down: nothing but their users, and their guests by ending, changes that. */
import type { Instance, InstanceSpec, Operation } from '@gantry/model';
import type { Simulation } from './simulation.ts';

type Power = InstanceSpec['power'];

/** What a user says of an instance by an operation on it; undefined: nothing. */
function wishOf({ spec: { kind, input } }: Operation): Power | undefined {
  if (kind === 'instance.start' || input['bootOnce'] !== undefined) return 'running';
  if (kind === 'instance.stop' || kind === 'instance.suspend') return 'stopped';
  const exchanges = kind === 'instance.rescue' || kind === 'instance.unrescue';
  if (kind === 'instance.create' || kind === 'instance.reinstall' || exchanges)
    return input['power'] as Power;
  return kind === 'instance.clone' ? 'running' : undefined;
}

/** Such a one that fails takes its guest down again: its user knows. */
const isVain = (each: Operation): boolean =>
  each.status.state !== 'succeeded' &&
  (wishOf(each) === 'running' ||
    each.status.steps.some(({ name, state }) => name === EXCHANGED && state === 'done'));

const EXCHANGED = 'disks exchanged';

/**
 * One that was stopped stays so until somebody has it started, and one that was started stays wanted until somebody stops
 * it, or it ends itself: no operation that fails, and none of another kind, changes that. What is under way may.
 */
export async function assertWishes({ store, world }: Simulation): Promise<void> {
  const instances = (await store.list('instance')).items.filter(({ status }) => !status.operation);
  const operations = (await store.list('operation')).items.toSorted((a, b) => a.spec.number - b.spec.number);
  for (const instance of instances) {
    const last = operations.findLast(
      (each) =>
        each.spec.target.id === instance.id &&
        wishOf(each) &&
        (each.status.state === 'succeeded' || isVain(each)),
    );
    if (!last || isVain(last) || wishOf(last) === instance.spec.power) continue;
    if (instance.spec.power === 'stopped' && endedSince(instance, last, world)) continue;
    const { kind, number } = last.spec;
    throw new Error(
      `${instance.name} is wanted ${instance.spec.power}, and operation ${number} (${kind}) was the last word`,
    );
  }
}

const endedSince = (
  { id }: Instance,
  { createdAt }: Operation,
  { powerOffs }: Simulation['world'],
): boolean => (powerOffs.get(id) ?? 0) >= Date.parse(createdAt);
