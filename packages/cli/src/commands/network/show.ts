import { networkNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeNetwork } from './network.ts';

export const networkShow: Verb = {
  words: 'network show',
  summary: 'a network with its addresses',
  arguments: [nameArgument('network', networkNames)],
  examples: ['gantry network show default'],
  async run({ client, out }, given) {
    const network = await client.call('getNetwork', { params: { ref: given.arg(0, 'name') } });
    await out.object(network, network.name, () => describeNetwork(network));
  },
};
