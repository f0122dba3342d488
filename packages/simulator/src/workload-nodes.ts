/** A day on which nodes leave, and machines come: told by the controller, or by somebody on the machine itself. */
import { isGantryError } from '@gantry/model';
import type { FakeNode } from './fake-node.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

/** @param name of a guest that may come */
export function ofNodes(sim: Simulation, random: Random, name: string): (() => Promise<unknown>)[] {
  const node = sim.nodes[random.between(1, sim.nodes.length - 1)] as FakeNode;
  const params = { ref: node.name };
  const drain = () => sim.user('setNode', { params, body: { role: 'drained' } });
  const remove = () => sim.user('removeNode', { params, query: { leave: 'none' } });
  const guest = { name, flavor: 'small', image: 'debian/12' };
  const inTime = { deadlineMs: 1000 * random.between(20, 120) };
  const evacuate = () => sim.user('evacuateNode', { params, body: { allowStop: true, ...inTime } });
  return [
    drain,
    evacuate,
    evacuate,
    remove,
    remove,
    // whoever is quicker: a guest that comes, or the node that goes
    () => Promise.all([drain().then(remove), sim.user('setNode', { params, body: { role: 'active' } })]),
    () =>
      Promise.all([
        drain().then(remove),
        sim
          .user('setNode', { params, body: { role: 'active' } })
          .then(() => sim.user('createInstance', { body: { ...guest, node: node.name } })),
      ]),
    () => sim.user('setNode', { params, body: { role: 'active' } }),
    async () => node.isMember || (await hasNoRow(sim, node)) === false || sim.join(node),
  ];
}

const hasNoRow = async ({ store }: Simulation, { name }: FakeNode): Promise<boolean> =>
  (await store.named('node', name)).length === 0;

/** Rows of nodes that have left: the answer to the word that they leave got lost, or the controller died then. */
export async function removeLeft(sim: Simulation): Promise<void> {
  for (const node of sim.nodes) {
    const left = async () => node.leaving === undefined;
    if (!(await sim.until(left, 600_000))) throw new Error(`${node.name} does not get away`);
    if (node.isMember || (await hasNoRow(sim, node))) continue;
    const params = { ref: node.name };
    await sim.user('setNode', { params, body: { role: 'drained' } });
    await sim.user('removeNode', { params, query: {} }).catch((error: unknown) => {
      // its answer got lost, and the repetition finds nothing
      if (!isGantryError(error, 'not_found')) throw error;
    });
  }
}
