import { instanceArgument } from '../../names.ts';
import { conclude } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { exchangeBody, exchangeFlags, sourceBody, sourceFlags } from './exchange.ts';

export const instanceReinstall: Verb = {
  words: 'instance reinstall',
  summary: 'make the first disk of an instance anew; its content is lost',
  details:
    'Name, addresses, MACs and other disks stay. Without --image and --os it becomes what it was made from. The old disk is removed only when the new one is whole and taken: until then a failure leaves the instance as it was. It also gives a new disk to an instance whose first disk is gone.',
  arguments: [instanceArgument],
  flags: [
    ...sourceFlags,
    { flags: '--stop', description: 'stop it for that if it runs, and start it again' },
    {
      flags: '--keep-uefi-variables',
      description: 'boot entries and keys that were enrolled stay; else they go with the old system',
    },
    ...exchangeFlags,
  ],
  examples: [
    'gantry instance reinstall web1 --stop',
    'gantry instance reinstall web1 --os debootstrap+trixie --yes',
    'gantry instance reinstall web1 --image debian/12 --plan',
  ],
  async run(session, given) {
    const name = given.arg(0, 'name');
    const plan = given.on('plan');
    const body = {
      ...sourceBody(given),
      ...(given.on('stop') ? { stop: true } : {}),
      ...(given.on('keepUefiVariables') ? { keepVariables: true } : {}),
      ...exchangeBody(given),
    };
    if (!plan) await session.confirm(`Reinstall ${name}? All that is on its first disk is lost.`);
    const query = plan ? { plan } : {};
    const answer = await session.client.call('reinstallInstance', { params: { ref: name }, query, body });
    await conclude(session, given, answer, () => `gantry console ${name}`);
  },
};
