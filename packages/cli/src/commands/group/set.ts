import type { Verb } from '../../verb.ts';
import { describeHost, hostChanges, hostFlags } from '../host-settings.ts';

export const groupSet: Verb = {
  words: 'group set',
  summary: 'set what of the nodes of a group guests may use; a node’s own setting wins',
  arguments: [{ name: 'NAME', description: 'name or id of the group' }],
  flags: hostFlags,
  examples: ['gantry group set default --shared-cpus 0-3', 'gantry group set default --trait CUSTOM_SSD'],
  async run({ client, out }, given) {
    const host = hostChanges(given);
    const params = { ref: given.arg(0, 'name') };
    const group = await client.call('setGroupPolicy', { params, body: { host } });
    await out.object(group, group.name, () => describeHost(group.spec.host));
  },
};
