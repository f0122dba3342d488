import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable, inheritedChanges, inheritedFlags, requireChanges } from '../inherited-settings.ts';

export const clusterSet: Verb = {
  words: 'cluster set',
  summary:
    'set how guests are made and what of nodes they may use; settings of groups, nodes and instances win',
  flags: inheritedFlags,
  examples: [
    'gantry cluster set --cpu-mode host-model',
    'gantry cluster set --shared-cpus 0-3 --unset packCells',
  ],
  async run({ client, out }, given) {
    const cluster = await client.call('setClusterPolicy', { body: requireChanges(inheritedChanges(given)) });
    await out.object(cluster, cluster.name, async () => {
      const { items } = await client.call('getClusterSettings', {});
      return `${entries([['cluster', cluster.name]])}\n${effectiveTable(items)}`;
    });
  },
};
