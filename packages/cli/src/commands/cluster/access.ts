import type { Verb } from '../../verb.ts';

const choices = ['nobody', 'admins', 'operators'] as const;

export const clusterAccess: Verb = {
  words: 'cluster access',
  summary: 'who may run commands on nodes and copy files to them',
  flags: [{ flags: '--node-commands <who>', description: 'default admins', choices, required: true }],
  examples: ['gantry cluster access --node-commands nobody'],
  async run(session, given) {
    const { client, out } = session;
    const nodeCommands = choices.find((choice) => choice === given.text('nodeCommands')) ?? 'admins';
    const cluster = await client.call('setClusterAccess', { body: { nodeCommands } });
    if (!out.forPeople) await out.object(cluster, cluster.name, () => '');
    else session.note(`${nodeCommands} may run commands on nodes`);
  },
};
