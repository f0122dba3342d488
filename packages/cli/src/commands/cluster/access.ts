import { type Body, err } from '@gantry/model';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';

const choices = ['nobody', 'admins', 'operators'] as const;

export const clusterAccess: Verb = {
  words: 'cluster access',
  summary: 'who may run commands on nodes and copy files to them, and how long it is remembered who did what',
  flags: [
    {
      flags: '--node-commands <who>',
      description: 'default admins; operators: those of the cluster',
      choices,
    },
    {
      flags: '--audit-days <days>',
      description: 'what `gantry audit list` tells goes so far back, default 365',
    },
  ],
  examples: ['gantry cluster access --node-commands nobody', 'gantry cluster access --audit-days 1000'],
  async run(session, given) {
    const { client, out } = session;
    const body = {
      ...given.string('nodeCommands', 'nodeCommands'),
      ...given.put('auditDays', 'auditDays', parseCount),
    } as Body<'setClusterAccess'>;
    if (Object.keys(body).length === 0)
      throw err('usage', { what: 'nothing to set: --node-commands or --audit-days' });
    const cluster = await client.call('setClusterAccess', { body });
    if (!out.forPeople) return await out.object(cluster, cluster.name, () => '');
    if (body.nodeCommands) session.note(`${body.nodeCommands} may run commands on nodes`);
    if (body.auditDays) session.note(`it is remembered for ${body.auditDays} days who did what`);
  },
};
