/** Whether instances are wanted up or down: nothing but their users, and their guests by ending, changes that. */
import type { Operation } from '@gantry/model';
import type { Simulation } from './simulation.ts';

const wishes: Partial<Record<Operation['spec']['kind'], 'running' | 'stopped'>> = {
  'instance.start': 'running',
  'instance.stop': 'stopped',
  'instance.suspend': 'stopped',
};

/** These boot a guest whatever it was, and some leave it up. */
const booting: readonly string[] = ['instance.rescue', 'instance.unrescue', 'instance.reinstall'];

const isBoot = ({ spec }: Operation): boolean =>
  booting.includes(spec.kind) || spec.input['bootOnce'] !== undefined;

/** One that was stopped stays so until somebody has it started: no operation that fails, and none of another kind, does that. */
export async function assertWishes({ store }: Simulation): Promise<void> {
  const operations = (await store.list('operation')).items
    .filter(({ status }) => status.state === 'succeeded')
    .toSorted((a, b) => a.spec.number - b.spec.number);
  for (const { id, name, spec } of (await store.list('instance')).items) {
    const last = operations.findLast(
      (each) => each.spec.target.id === id && (wishes[each.spec.kind] || isBoot(each)),
    );
    if (!last || isBoot(last) || wishes[last.spec.kind] !== 'stopped') continue;
    if (spec.power !== 'stopped')
      throw new Error(
        `${name} is wanted up, and operation ${last.spec.number} (${last.spec.kind}) was the last word`,
      );
  }
}
