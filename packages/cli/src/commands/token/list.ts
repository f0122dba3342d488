import type { Token } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { ago } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const columns: readonly Column<Token>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'role', value: (row) => row.spec.role },
  { name: 'project', value: (row) => row.spec.project },
  { name: 'node', value: (row) => row.spec.node },
  { name: 'expires', value: (row) => row.spec.expiresAt },
  { name: 'used', value: (row) => ago(row.status.lastUsedAt, Date.now()) },
  { name: 'id', value: (row) => row.id, wide: true },
];

const listing: Listing<Token> = {
  kinds: ['token'],
  columns,
  fetch: ({ client }) => everyItem(client, 'listTokens'),
};

export const tokenList: Verb = {
  words: 'token list',
  summary: 'list tokens; their secrets are not kept',
  flags: listFlags(columns),
  examples: ['gantry token list', 'gantry token list -o json'],
  run: (session, given) => runList(session, given, listing),
};
