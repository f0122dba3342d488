import { recoverAdmin } from '../../cluster/recover-admin.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterRecoverAdmin: Verb = {
  words: 'cluster recover-admin',
  summary: 'a new token of the user admin, for root on the controller’s machine, when all are lost',
  details:
    'The user is made, enabled and made an administrator where he is not. The controller is stopped for a moment; guests and agents go on.\n' +
    'The audit tells of it. Tokens that there are stay valid.',
  flags: [stateFlag],
  examples: ['gantry cluster recover-admin', 'gantry cluster recover-admin --yes'],
  async run(session, given) {
    await recoverAdmin(session, localCluster(given, session.io).layout);
  },
};
