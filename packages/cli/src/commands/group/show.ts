import { groupNames } from '../../names.ts';
import { entries, join, section } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable } from '../inherited-settings.ts';
import { nameArgument } from '../named.ts';
import { everyItem } from '../pages.ts';
import { cpuEntries } from './cpu.ts';

export const groupShow: Verb = {
  words: 'group show',
  summary: 'a group: its nodes, and the settings that hold for them with the level that says so',
  arguments: [nameArgument('group', groupNames)],
  examples: ['gantry group show default'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const group = await client.call('getGroup', { params });
    await out.object(group, group.name, async () => {
      const [nodes, { items }] = await Promise.all([
        everyItem(client, 'listNodes'),
        client.call('getGroupSettings', { params }),
      ]);
      const members = nodes.filter(({ spec }) => spec.group === group.id);
      return join(
        entries([
          ['name', group.name],
          ['id', group.id],
          ['nodes', members.map(({ name }) => name).join(' ') || 'none'],
          ...cpuEntries(group, members),
        ]),
        section('Settings', effectiveTable(items)),
      );
    });
  },
};
