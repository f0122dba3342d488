import type { Project } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const columns: readonly Column<Project>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'instances', value: (row) => row.status.usage?.instances },
  { name: 'vcpus', value: (row) => row.status.usage?.vcpus },
  { name: 'memory', unit: 'MiB', value: (row) => row.status.usage?.memoryMiB },
  { name: 'disk', unit: 'MiB', value: (row) => row.status.usage?.diskMiB },
  { name: 'addresses', value: (row) => row.status.usage?.addresses, wide: true },
  { name: 'created', wide: true, value: (row) => row.createdAt },
  { name: 'id', wide: true, value: (row) => row.id },
];

const listing: Listing<Project> = {
  kinds: ['project'],
  columns,
  fetch: ({ client }) => everyItem(client, 'listProjects'),
};

export const projectList: Verb = {
  words: 'project list',
  summary: 'list projects',
  flags: listFlags(columns),
  examples: ['gantry project list', 'gantry project list -o json'],
  run: (session, given) => runList(session, given, listing),
};
