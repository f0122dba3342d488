import { destroyCluster } from '../../cluster/destroy.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterDestroy: Verb = {
  words: 'cluster destroy',
  summary: 'remove the cluster of this machine with all its disks and its state',
  details:
    'Refused while there are instances, unless --with-instances deletes them too. Downloads and bases in the cache stay.',
  flags: [stateFlag, { flags: '--with-instances', description: 'delete its instances first' }],
  examples: ['gantry cluster destroy', 'gantry cluster destroy --with-instances --yes'],
  async run(session, given) {
    const { layout, settings } = localCluster(given);
    await destroyCluster(session, layout, settings, given.on('withInstances'));
  },
};
