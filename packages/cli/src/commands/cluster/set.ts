import { planFlag, planQuery, showPlan } from '../../operations/submit.ts';
import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable, inheritedChanges, inheritedFlags, requireChanges } from '../inherited-settings.ts';

export const clusterSet: Verb = {
  words: 'cluster set',
  summary:
    'set how guests are made and what of nodes they may use; settings of groups, nodes and instances win',
  flags: [...inheritedFlags, planFlag],
  examples: [
    'gantry cluster set --cpu-mode host-model',
    'gantry cluster set --shared-cpus 0-3 --unset packCells',
    'gantry cluster set --cpu-mode maximum --plan',
  ],
  async run(session, given) {
    const { client, out } = session;
    const body = requireChanges(inheritedChanges(given));
    const cluster = await client.call('setClusterPolicy', { body, query: planQuery(given) });
    if ('plan' in cluster) return await showPlan(session, cluster);
    await out.object(cluster, cluster.name, async () => {
      const { items } = await client.call('getClusterSettings', {});
      return `${entries([['cluster', cluster.name]])}\n${effectiveTable(items)}`;
    });
  },
};
