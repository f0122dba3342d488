import { instanceArgument } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { diskColumns, type ShownDisk, withNames } from './disk.ts';

const listing: Listing<ShownDisk> = {
  kinds: ['disk', 'instance'],
  columns: diskColumns,
  fetch: async (session) => withNames(session, await everyItem(session.client, 'listDisks')),
};

/** Where one looks for them first. */
export const instanceDiskList: Verb = {
  words: 'instance disk list',
  summary: 'list the disks of an instance, by their places',
  arguments: [instanceArgument],
  flags: listFlags(diskColumns),
  examples: ['gantry instance disk list web1', 'gantry instance disk list web1 -o json'],
  async run(session, given) {
    const { id } = await session.client.call('getInstance', { params: { ref: given.arg(0, 'name') } });
    const fetch = async () => {
      const disks = await everyItem(session.client, 'listDisks');
      const own = disks.filter(({ spec }) => spec.instance === id);
      return await withNames(
        session,
        own.sort((one, other) => one.spec.index - other.spec.index),
      );
    };
    await runList(session, given, { ...listing, fetch });
  },
};

export const diskList: Verb = {
  words: 'disk list',
  summary: 'list disks, those of instances and those by themselves',
  flags: listFlags(diskColumns),
  examples: ['gantry disk list', "gantry disk list --filter 'instance=web1'", 'gantry disk list -o json'],
  run: (session, given) => runList(session, given, listing),
};
