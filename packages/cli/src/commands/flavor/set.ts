import { err } from '@gantry/model';
import { flavorNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { flavorSugar, meanings, propertiesOf, propertyFlags, unsetFlag } from '../properties.ts';
import { describeFlavor } from './flavor.ts';

export const flavorSet: Verb = {
  words: 'flavor set',
  summary: 'set or unset properties of a flavor; instances that exist keep what they were made with',
  arguments: [nameArgument('flavor', flavorNames)],
  flags: [...propertyFlags('flavor'), unsetFlag('flavor'), ...flavorSugar],
  examples: [
    'gantry flavor set small --property hw_rng:rate_bytes=5 --property hw_rng:rate_period=1000',
    'gantry flavor set small --rng 24B/5s --watchdog reset',
    'gantry flavor set small --rng off --unset hw:watchdog_action',
  ],
  async run(session, given) {
    const extraSpecs = propertiesOf(given);
    const touched = Object.keys(extraSpecs);
    if (touched.length === 0)
      throw err('usage', { what: 'nothing to set: give --property, --unset, --rng or --watchdog' });
    const flavor = await session.client.call('setFlavor', {
      params: { ref: given.arg(0, 'name') },
      body: { extraSpecs },
    });
    await session.out.object(flavor, flavor.name, () => describeFlavor(flavor));
    for (const line of await meanings(flavor.spec.extraSpecs ?? {}, touched)) session.note(line);
  },
};
