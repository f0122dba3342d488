import { groupNames } from '../../names.ts';
import { planFlag, planQuery, showPlan } from '../../operations/submit.ts';
import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable, inheritedChanges, inheritedFlags, requireChanges } from '../inherited-settings.ts';
import { nameArgument } from '../named.ts';

export const groupSet: Verb = {
  words: 'group set',
  summary:
    'set how guests on the nodes of a group are made and what of these they may use; a node’s own setting wins',
  arguments: [nameArgument('group', groupNames)],
  flags: [...inheritedFlags, planFlag],
  examples: [
    'gantry group set default --cpu-mode host-model',
    'gantry group set default --shared-cpus 0-3 --trait CUSTOM_SSD',
    'gantry group set default --unset cpuMode --plan',
  ],
  async run(session, given) {
    const { client, out } = session;
    const body = requireChanges(inheritedChanges(given));
    const params = { ref: given.arg(0, 'name') };
    const group = await client.call('setGroupPolicy', { params, body, query: planQuery(given) });
    if ('plan' in group) return await showPlan(session, group);
    await out.object(group, group.name, async () => {
      const { items } = await client.call('getGroupSettings', { params });
      return `${entries([['group', group.name]])}\n${effectiveTable(items)}`;
    });
  },
};
