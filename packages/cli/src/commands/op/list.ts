import type { Operation } from '@gantry/model';
import { instanceNames } from '../../names.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';
import { operationColumns } from './op.ts';

const listing: Listing<Operation> = {
  kinds: ['operation'],
  columns: operationColumns,
  fetch: ({ client }, given) =>
    everyItem(
      client,
      'listOperations',
      { ...(given.on('active') ? { active: true } : {}), ...given.string('target', 'target') },
      given.put('limit', 'limit', parseCount).limit ?? 50,
    ),
};

export const opList: Verb = {
  words: 'op list',
  summary: 'list operations, newest first',
  flags: [
    { flags: '--active', description: 'only those that have not ended' },
    { flags: '--target <instance>', description: 'only those of this instance', complete: instanceNames },
    { flags: '--limit <count>', description: 'how many to look at, default 50' },
    ...listFlags(operationColumns),
  ],
  examples: [
    'gantry op list',
    'gantry op list --active --watch',
    "gantry op list --filter 'status=failed' -o json",
  ],
  run: (session, given) => runList(session, given, listing),
};
