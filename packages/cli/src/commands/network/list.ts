import type { Network } from '@gantry/model';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { networkColumns } from './network.ts';

const listing: Listing<Network> = {
  kinds: ['network'],
  columns: networkColumns,
  fetch: ({ client }) => everyItem(client, 'listNetworks'),
};

export const networkList: Verb = {
  words: 'network list',
  summary: 'list networks',
  flags: listFlags(networkColumns),
  examples: ['gantry network list', 'gantry network list -o json'],
  run: (session, given) => runList(session, given, listing),
};
