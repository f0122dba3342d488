import type { Group } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const settingsOf = ({ spec }: Group): string =>
  [...Object.keys(spec.guest ?? {}), ...Object.keys(spec.host ?? {})].join(' ');

const columns: readonly Column<Group>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'sets', value: settingsOf },
  { name: 'id', value: (row) => row.id, wide: true },
];

const listing: Listing<Group> = {
  kinds: ['group'],
  columns,
  fetch: ({ client }) => everyItem(client, 'listGroups'),
};

export const groupList: Verb = {
  words: 'group list',
  summary: 'list groups of nodes',
  flags: listFlags(columns),
  examples: ['gantry group list', 'gantry group list -o json'],
  run: (session, given) => runList(session, given, listing),
};
