import type { Flavor } from '@gantry/model';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { flavorColumns } from './flavor.ts';

const listing: Listing<Flavor> = {
  kinds: ['flavor'],
  columns: flavorColumns,
  fetch: ({ client }) => everyItem(client, 'listFlavors'),
};

export const flavorList: Verb = {
  words: 'flavor list',
  summary: 'list flavors',
  flags: listFlags(flavorColumns),
  examples: ['gantry flavor list', 'gantry flavor list --sort memory -o json'],
  run: (session, given) => runList(session, given, listing),
};
