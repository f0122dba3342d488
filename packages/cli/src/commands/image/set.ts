import { err } from '@gantry/model';
import { imageNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { propertiesOf, propertyFlags, unsetFlag } from '../properties.ts';
import { describeImage } from './image.ts';

export const imageSet: Verb = {
  words: 'image set',
  summary: 'set or unset properties of an image; instances that exist keep what they were made with',
  arguments: [nameArgument('image', imageNames)],
  flags: [...propertyFlags('image'), unsetFlag('image')],
  examples: [
    'gantry image set debian/12 --property hw_qemu_guest_agent=yes',
    'gantry image set debian/12 --unset hw_watchdog_action',
  ],
  async run(session, given) {
    const properties = propertiesOf(given);
    if (Object.keys(properties).length === 0)
      throw err('usage', { what: 'nothing to set: give --property or --unset' });
    const image = await session.client.call('setImage', {
      params: { ref: given.arg(0, 'name') },
      body: { properties },
    });
    await session.out.object(image, image.name, () => describeImage(image));
  },
};
