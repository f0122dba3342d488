import type { Verb } from '../../verb.ts';
import { inheritedChanges, inheritedFlags } from '../inherited-settings.ts';

export const groupCreate: Verb = {
  words: 'group create',
  summary: 'make a group of nodes; what it does not set it inherits from the cluster',
  arguments: [{ name: 'NAME', description: 'name of the group' }],
  flags: inheritedFlags,
  examples: ['gantry group create rack1', 'gantry group create amd --cpu-mode custom --cpu-model EPYC'],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const body = { name, ...inheritedChanges(given) };
    const group = await session.client.call('createGroup', { body });
    session.note(`group ${group.name} is there   gantry node add NAME --group ${group.name}`);
    await session.out.result(group, group.name);
  },
};
