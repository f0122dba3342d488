import { backUp } from '../../cluster/backup.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterBackup: Verb = {
  words: 'cluster backup',
  summary: 'the store and the certificate authority of the cluster of this machine in one file',
  details:
    'Taken while the controller goes on, as of one moment. Disks and images are not in it. It holds the authority’s key and the administrator’s\n' +
    'token: only root can read it.',
  arguments: [{ name: 'FILE', description: 'a file that is not there yet' }],
  flags: [stateFlag],
  examples: ['gantry cluster backup /root/gantry-monday.tar'],
  async run(session, given) {
    await backUp(session, localCluster(given, session.io).layout, given.arg(0, 'file'));
  },
};
