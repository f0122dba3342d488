import { imageNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { describeImage } from './image.ts';

export const imageShow: Verb = {
  words: 'image show',
  summary: 'an image with its properties',
  arguments: [nameArgument('image', imageNames)],
  examples: ['gantry image show debian/12'],
  async run({ client, out }, given) {
    const image = await client.call('getImage', { params: { ref: given.arg(0, 'name') } });
    await out.object(image, image.name, () => describeImage(image));
  },
};
