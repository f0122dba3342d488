import { instanceArgument } from '../../names.ts';
import { conclude } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { actVerb } from './act.ts';
import { exchangeBody, exchangeFlags, sourceBody, sourceFlags } from './exchange.ts';

export const instanceRescue: Verb = {
  words: 'instance rescue',
  summary: 'boot an instance from a rescue disk, with its own disks behind it',
  details:
    'It is stopped first if it runs. Without --image and --os the rescue disk is made from what the instance was made from. NICs and addresses stay; its own first disk is the second one (vdb) meanwhile, unless the image is one of a CD or says hw_rescue_device or hw_rescue_bus: then its own disks keep their places, and the rescue disk comes last. Whoever rescues with the same cloud image mounts by device name: both disks have the same labels. `gantry instance unrescue` ends it.',
  arguments: [instanceArgument],
  flags: [...sourceFlags, ...exchangeFlags],
  examples: ['gantry instance rescue web1', 'gantry instance rescue web1 --os debootstrap --until ssh'],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const query = given.on('plan') ? { plan: true } : {};
    const body = { ...sourceBody(given), ...exchangeBody(given) };
    const answer = await session.client.call('rescueInstance', { params: { ref: name }, query, body });
    await conclude(session, given, answer, () => `gantry console ${name}`);
  },
};

export const instanceUnrescue = actVerb('unrescue', 'unrescueInstance', {
  summary: 'end the rescue of an instance: it boots from its own disk again',
  details: 'The rescue disk is deleted. It runs afterwards if it ran before its rescue.',
  examples: ['gantry instance unrescue web1'],
});
