import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { diskColumns, type ShownDisk, withNames } from './disk.ts';

const listing: Listing<ShownDisk> = {
  kinds: ['disk', 'instance'],
  columns: diskColumns,
  fetch: async (session) => withNames(session, await everyItem(session.client, 'listDisks')),
};

export const diskList: Verb = {
  words: 'disk list',
  summary: 'list disks, those of instances and those by themselves',
  flags: listFlags(diskColumns),
  examples: ['gantry disk list', "gantry disk list --filter 'instance=web1'", 'gantry disk list -o json'],
  run: (session, given) => runList(session, given, listing),
};
