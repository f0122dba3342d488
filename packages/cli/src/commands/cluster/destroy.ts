import { destroyCluster, planDestroy } from '../../cluster/destroy/destroy.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from './state.ts';

export const clusterDestroy: Verb = {
  words: 'cluster destroy',
  summary: 'end the cluster of this machine: guests, disks, networks, on all its nodes, and its state',
  details:
    'Lists what is lost and asks for the name of the cluster; in scripts the name stands beside --yes. Refused while guests are up, unless\n' +
    '--stop-guests, and while instances are protected or locked. A node that cannot be reached keeps what it has: it must be named with\n' +
    '--leave-behind, and is cleared on it by `gantry node leave --cluster-gone`. A run that was interrupted is completed by the next one.\n' +
    'Downloads and bases in the cache stay.',
  arguments: [{ name: '[NAME]', description: 'of the cluster, for --yes: without it, it is asked for' }],
  flags: [
    stateFlag,
    { flags: '--stop-guests', description: 'also while guests run: they are forced off' },
    {
      flags: '--leave-behind <node>',
      description: 'go on without this node, which cannot be reached',
      many: true,
    },
    planFlag,
  ],
  examples: [
    'gantry cluster destroy --plan',
    'gantry cluster destroy',
    'gantry cluster destroy --yes prod --stop-guests',
  ],
  async run(session, given) {
    const { layout } = localCluster(given, session.io);
    const consent = { stopGuests: given.on('stopGuests'), leaveBehind: given.all('leaveBehind') };
    if (given.on('plan')) return await planDestroy(session, layout, consent);
    await destroyCluster(session, layout, { ...consent, name: given.args[0] });
  },
};
