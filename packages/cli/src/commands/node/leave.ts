import { layoutOf } from '../../cluster/layout.ts';
import { alone } from '../../cluster/machine-lock.ts';
import { leaveCluster, localNode } from '../../cluster/node.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from '../cluster/state.ts';

export const nodeLeave: Verb = {
  words: 'node leave',
  summary: 'take Gantry’s state off this machine, after `gantry node remove` of it on the cluster',
  details:
    'Refused while the cluster still knows it, or while disks or guests of it lie here. With --cluster-gone it does not wait for a cluster that cannot be\n' +
    'asked any more, such as one that was destroyed: its guests here are stopped, and they and their disks deleted. That asks for the name of the node.',
  arguments: [
    { name: '[NAME]', description: 'of this node, instead of being asked: only with --cluster-gone' },
  ],
  flags: [
    stateFlag,
    {
      flags: '--cluster-gone',
      description: 'the cluster is no more: stop its guests here, delete their disks',
    },
  ],
  examples: ['gantry node leave', 'gantry node leave --yes', 'gantry node leave n3 --cluster-gone --yes'],
  async run(session, given) {
    const layout = layoutOf(stateOf(given));
    const settings = localNode(layout);
    const gone = given.on('clusterGone');
    if (gone) {
      session.note(
        `Guests of its cluster that run on ${settings.node} are stopped; they and all their disks here are lost.`,
      );
      await session.confirmName('node', settings.node, given.args[0]);
    } else await session.confirm(`Remove what node ${settings.node} has in ${layout.state}?`);
    await alone(layout, () => leaveCluster(layout, settings, gone));
    session.note(`${settings.node} is no node any more; the cache stays`);
    await session.out.done('node.leave', { node: settings.node }, settings.node);
  },
};
