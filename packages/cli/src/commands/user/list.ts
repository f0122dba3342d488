import { type User, userRoles } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const columns: readonly Column<User>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'role', value: (row) => row.spec.role, values: userRoles },
  { name: 'projects', value: (row) => Object.keys(row.spec.projects ?? {}).length },
  {
    name: 'state',
    value: (row) => (row.spec.disabled ? 'disabled' : 'enabled'),
    values: ['enabled', 'disabled'],
  },
  { name: 'full-name', value: (row) => row.spec.fullName },
  { name: 'created', value: (row) => row.createdAt, wide: true },
  { name: 'id', value: (row) => row.id, wide: true },
];

const listing: Listing<User> = {
  kinds: ['user'],
  columns,
  fetch: ({ client }) => everyItem(client, 'listUsers'),
};

export const userList: Verb = {
  words: 'user list',
  summary: 'list users: all for an administrator, oneself for others',
  flags: listFlags(columns),
  examples: ['gantry user list', 'gantry user list -o json'],
  run: (session, given) => runList(session, given, listing),
};
