import { type Body, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instancesArgument, nodeNames } from '../../names.ts';
import { concludeEach, deadlineFlag, operationFlags, reasonFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';

export const instanceMove: Verb = {
  words: 'instance move',
  summary: 'move stopped instances to another node, with their disks',
  details:
    'The disks are copied from node to node, checked, and removed from the old one when the new one has them; until then the\n' +
    'instance stays where it is, whole. MACs and addresses stay. Without --to placement chooses a node of the same group.\n' +
    'Guests cannot be moved while they run yet: --stop stops them for the time of the copy.',
  arguments: [instancesArgument],
  flags: [
    { flags: '--to <node>', description: 'node that it shall go to, of any group', complete: nodeNames },
    { flags: '--stop', description: 'stop it first if it runs, and start it again there' },
    { flags: '--force', description: 'with --stop: pull the plug' },
    {
      flags: '--grace <duration>',
      description: 'with --stop: how long the guest is asked before it is forced',
    },
    deadlineFlag('take everything back when it is not done by then, default 10m and a second for each 8 MiB'),
    reasonFlag,
    ...operationFlags,
  ],
  examples: [
    'gantry instance move web1 --plan',
    'gantry instance move web1 --to n2',
    'gantry instance move web1 web2 --stop',
  ],
  async run(session, given) {
    const query = given.on('plan') ? { plan: true } : {};
    const body = bodyOf(given);
    await concludeEach(session, given, (ref) =>
      session.client.call('moveInstance', { params: { ref }, query, body }),
    );
  },
};

const bodyOf = (given: Given): Body<'moveInstance'> => ({
  ...given.string('node', 'to'),
  ...(given.on('stop') ? { stop: true } : {}),
  ...(given.on('force') ? { force: true } : {}),
  ...given.put('timeoutMs', 'grace', parseDurationMs),
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});
