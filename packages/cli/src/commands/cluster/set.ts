import type { Verb } from '../../verb.ts';
import { describeHost, hostChanges, hostFlags } from '../host-settings.ts';

export const clusterSet: Verb = {
  words: 'cluster set',
  summary: 'set what of all nodes guests may use; settings of groups and nodes win',
  flags: hostFlags,
  examples: ['gantry cluster set --shared-cpus 0-3 --pack-cells yes'],
  async run({ client, out }, given) {
    const cluster = await client.call('setClusterPolicy', { body: { host: hostChanges(given) } });
    await out.object(cluster, cluster.name, () => describeHost(cluster.spec.host));
  },
};
