import { entries, join, section } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable } from '../inherited-settings.ts';
import { everyItem } from '../pages.ts';

export const clusterShow: Verb = {
  words: 'cluster show',
  summary: 'the cluster: its name, its defaults, its nodes and guests in numbers',
  examples: ['gantry cluster show', 'gantry cluster show -o json'],
  async run({ client, out }) {
    const cluster = await client.call('getCluster', {});
    await out.object(cluster, cluster.name, async () => {
      const [nodes, instances, { items }] = await Promise.all([
        everyItem(client, 'listNodes'),
        everyItem(client, 'listInstances'),
        client.call('getClusterSettings', {}),
      ]);
      const ready = nodes.filter((node) => node.status.state === 'ready').length;
      const running = instances.filter((one) => one.status.state === 'running').length;
      const { spec, status } = cluster;
      const os = Object.entries(spec.os ?? {}).flatMap(([provider, parameters]) =>
        Object.entries(parameters).map(([key, value]) => [`${provider} ${key}`, value] as const),
      );
      return join(
        entries([
          ['name', cluster.name],
          ['id', cluster.id],
          ['version', status.version],
          ['nodes', `${ready} of ${nodes.length} ready`],
          ['instances', `${running} of ${instances.length} running`],
          ['api', client.options.url],
          ['address', status.reached?.url],
          ['fingerprint', status.reached?.caSha256],
          ['created', cluster.createdAt],
        ]),
        section('Settings', effectiveTable(items)),
        section('OS parameters', entries(os, '  ')),
      );
    });
  },
};
