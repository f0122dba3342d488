import { projectNames } from '../../names.ts';
import { entries, join, section, subTable } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';
import { usageTable } from './quota.ts';

export const projectShow: Verb = {
  words: 'project show',
  summary: 'a project: what it has of what it may have, and who is in it',
  arguments: [nameArgument('project', projectNames)],
  examples: ['gantry project show web'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const project = await client.call('getProject', { params });
    await out.object(project, project.name, async () => {
      const { items } = await client.call('listMembers', { params });
      const members = items.map(({ name, role, fullName }) => [name, role, fullName ?? '']);
      return join(
        entries([
          ['name', project.name],
          ['id', project.id],
          ['created', project.createdAt],
        ]),
        section('Quota', usageTable(project)),
        section('Users', subTable(['NAME', 'ROLE', 'FULL NAME'], members)),
      );
    });
  },
};
