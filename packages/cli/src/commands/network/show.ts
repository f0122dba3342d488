import { networkNames } from '../../names.ts';
import { join } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeNetwork } from './network.ts';
import { groupNames, nodesSection } from './on-nodes.ts';

export const networkShow: Verb = {
  words: 'network show',
  summary: 'a network with its addresses, and how it is on each of its nodes',
  arguments: [nameArgument('network', networkNames)],
  examples: ['gantry network show default'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const network = await client.call('getNetwork', { params });
    await out.object(network, network.name, async () => {
      const [nodes, names] = await Promise.all([nodesSection(client, network), groupNames(client, network)]);
      return join(describeNetwork(network, names), nodes);
    });
  },
};
