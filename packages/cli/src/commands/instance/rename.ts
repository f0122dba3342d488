import { instanceArgument } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { noNameCheck } from './create-flags.ts';

export const instanceRename: Verb = {
  words: 'instance rename',
  summary: 'give a stopped instance another name',
  details:
    'Id, disks, MACs and addresses stay; the libvirt domain takes the name at the next start. A host name that was the instance’s name goes with it, where the guest is told it at each start; what the guest has written down itself stays.',
  arguments: [
    instanceArgument,
    { name: 'NEW', description: 'name that no other instance of its project has' },
  ],
  flags: [noNameCheck, planFlag],
  examples: ['gantry instance rename web1 www1'],
  async run({ client, out }, given) {
    const params = { ref: given.arg(0, 'name') };
    const query = given.on('plan') ? { plan: true } : {};
    const name = given.arg(1, 'new name');
    const body = { name, ...(given.off('nameCheck') ? { nameCheck: false } : {}) };
    const instance = await client.call('renameInstance', { params, query, body });
    const verb = given.on('plan') ? 'would be' : 'is now';
    await out.object(instance, instance.name, () => `${params.ref} ${verb} called ${instance.name}`);
  },
};
