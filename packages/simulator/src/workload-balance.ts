/** A working day's balancing: several at once, guests that come on one node, nodes that fall silent in the middle. */
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

/** @param name of a guest that may come to be on the node that has most */
export function ofBalance(sim: Simulation, random: Random, name: string): (() => Promise<unknown>)[] {
  const node = `n${random.between(1, sim.nodes.length)}`;
  const wishes = (): object => ({
    stop: random.chance(0.8),
    ...(random.chance(0.3) ? { group: 'default' } : {}),
    ...(random.chance(0.3) ? { maxMoves: random.between(1, 3) } : {}),
    ...(random.chance(0.3) ? { maxBytes: random.between(1, 40) * 2 ** 26 } : {}),
    ...(random.chance(0.3) ? { deadlineMs: 1000 * random.between(1, 120) } : {}),
  });
  const balance = () => sim.user('balanceCluster', { body: wishes() });
  const small = { name, flavor: 'small', image: 'debian/12', deadlineMs: 120_000 };
  return [
    balance,
    balance,
    balance,
    // the other is refused with busy, or both were decided on the same state and one of them wins
    () => Promise.all([balance(), balance()]),
    () => sim.user('balanceCluster', { body: wishes(), query: { plan: true } }),
    () => sim.user('createInstance', { body: { ...small, node: 'n1' } }),
    () => sim.user('createInstance', { body: { ...small, node: 'n1', power: 'stopped' } }),
    () => sim.user('createInstance', { body: { ...small, memoryMiB: 512 * random.between(1, 40) } }),
    () =>
      sim.user('setNode', {
        params: { ref: node },
        body: { role: random.chance(0.4) ? 'drained' : 'active' },
      }),
    async () => {
      sim.cutOff.add(node);
      sim.time.at(1000 * random.between(10, 180), () => sim.cutOff.delete(node));
    },
  ];
}
