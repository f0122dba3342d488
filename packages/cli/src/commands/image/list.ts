import type { Image } from '@gantry/model';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { imageColumns } from './image.ts';

const listing: Listing<Image> = {
  kinds: ['image'],
  columns: imageColumns,
  fetch: ({ client }) => everyItem(client, 'listImages'),
};

export const imageList: Verb = {
  words: 'image list',
  summary: 'list images',
  flags: listFlags(imageColumns),
  examples: ['gantry image list', 'gantry image list -o json'],
  run: (session, given) => runList(session, given, listing),
};
