import { flavorNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeFlavor } from './flavor.ts';

export const flavorShow: Verb = {
  words: 'flavor show',
  summary: 'a flavor with its properties',
  arguments: [nameArgument('flavor', flavorNames)],
  examples: ['gantry flavor show small'],
  async run({ client, out }, given) {
    const flavor = await client.call('getFlavor', { params: { ref: given.arg(0, 'name') } });
    await out.object(flavor, flavor.name, () => describeFlavor(flavor));
  },
};
