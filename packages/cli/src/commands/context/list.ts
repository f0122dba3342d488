import { readConfig } from '../../config.ts';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';

interface Row {
  name: string;
  url: string;
  current: boolean;
  token: boolean;
}

const columns: readonly Column<Row>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'current', value: (row) => (row.current ? 'yes' : undefined) },
  { name: 'url', value: (row) => row.url },
  { name: 'token', value: (row) => (row.token ? 'yes' : 'no') },
];

const listing: Listing<Row> = {
  kinds: [],
  columns,
  fetch: async ({ io }) => {
    const { contexts, current } = readConfig(io.env);
    return Object.entries(contexts).map(([name, { url, token }]) => ({
      name,
      url,
      current: name === current,
      token: token !== undefined,
    }));
  },
};

export const contextList: Verb = {
  words: 'context list',
  summary: 'clusters that this command knows; tokens are not shown',
  flags: listFlags(columns).filter((flag) => flag.flags !== '--watch'),
  examples: ['gantry context list', 'gantry context list -o json'],
  run: (session, given) => runList(session, given, listing),
};
