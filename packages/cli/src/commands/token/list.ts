import { roles, type Token } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem, namesById } from '../pages.ts';

interface Row extends Token {
  /** Names for ids. */
  named: { user: string | undefined; project: string | undefined };
}

const states = ['valid', 'expired', 'revoked', 'used'] as const;

const columns: readonly Column<Row>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'user', value: (row) => row.named.user },
  { name: 'role', value: (row) => row.spec.role, values: roles },
  { name: 'project', value: (row) => row.named.project },
  { name: 'node', value: (row) => row.spec.node, wide: true },
  { name: 'state', value: (row) => stateOf(row, Date.now()), values: states },
  { name: 'expires', value: (row) => row.spec.expiresAt },
  { name: 'created', value: (row) => row.createdAt, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

const stateOf = ({ spec }: Token, nowMs: number): (typeof states)[number] => {
  if (spec.revokedAt) return 'revoked';
  if (spec.usedBy) return 'used';
  return spec.expiresAt && Date.parse(spec.expiresAt) <= nowMs ? 'expired' : 'valid';
};

const listing: Listing<Row> = {
  kinds: ['token'],
  columns,
  async fetch({ client }) {
    const [tokens, users, projects] = await Promise.all([
      everyItem(client, 'listTokens'),
      namesById(client, 'listUsers'),
      namesById(client, 'listProjects'),
    ]);
    const named = (names: ReadonlyMap<string, string>, id: string | undefined) => id && (names.get(id) ?? id);
    return tokens.map((token) => ({
      ...token,
      named: { user: named(users, token.spec.user), project: named(projects, token.spec.project) },
    }));
  },
};

export const tokenList: Verb = {
  words: 'token list',
  summary: 'list tokens: all for an administrator, one’s own for others; their secrets are not kept',
  flags: listFlags(columns),
  examples: ['gantry token list', "gantry token list --filter 'state=valid and user=eve' -o json"],
  run: (session, given) => runList(session, given, listing),
};
