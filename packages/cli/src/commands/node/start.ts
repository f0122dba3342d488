import { layoutOf } from '../../cluster/layout.ts';
import { localNode, startNode } from '../../cluster/node.ts';
import type { Verb } from '../../verb.ts';
import { stateFlag, stateOf } from '../cluster/state.ts';

export const nodeStart: Verb = {
  words: 'node start',
  summary: 'start the agent of this machine, which joined a cluster, and wait until it is ready',
  flags: [stateFlag],
  examples: ['gantry node start'],
  async run(session, given) {
    const layout = layoutOf(stateOf(given));
    await startNode(session, layout, localNode(layout));
  },
};
