import { layoutOf } from '../../cluster/layout.ts';
import { leaveCluster, localNode } from '../../cluster/node.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from '../cluster/state.ts';

export const nodeLeave: Verb = {
  words: 'node leave',
  summary: 'take Gantry’s state off this machine, after `gantry node remove` of it on the cluster',
  details: 'Refused while the cluster still knows it, or while disks or guests of it lie here.',
  flags: [stateFlag],
  examples: ['gantry node leave', 'gantry node leave --yes'],
  async run(session, given) {
    const layout = layoutOf(stateOf(given));
    const settings = localNode(layout);
    await session.confirm(`Remove what node ${settings.node} has in ${layout.state}?`);
    await leaveCluster(layout, settings);
    session.note(`${settings.node} is no node any more; the cache stays`);
  },
};
