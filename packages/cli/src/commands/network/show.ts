import { networkNames } from '../../names.ts';
import { join } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { everyItem } from '../pages.ts';
import { describeNetwork } from './network.ts';
import { nodesSection } from './on-nodes.ts';

export const networkShow: Verb = {
  words: 'network show',
  summary: 'a network with its addresses, and how it is on each of its nodes',
  arguments: [nameArgument('network', networkNames)],
  examples: ['gantry network show default'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const network = await client.call('getNetwork', { params });
    await out.object(network, network.name, async () => {
      const [nodes, groups] = await Promise.all([
        nodesSection(client, network),
        everyItem(client, 'listGroups'),
      ]);
      const names = network.spec.groups?.map((id) => groups.find((each) => each.id === id)?.name ?? id);
      return join(describeNetwork(network, names), nodes);
    });
  },
};
