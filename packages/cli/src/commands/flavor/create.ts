import { parseMiB } from '@gantry/model';
import { planFlag, showPlan } from '../../operations/submit.ts';
import { parseCount, parsePairs } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { flavorSugar, meanings, propertiesOf, propertyFlags } from '../properties.ts';
import { room, roomFlags } from '../room-flags.ts';
import { describeFlavor } from './flavor.ts';

export const flavorCreate: Verb = {
  words: 'flavor create',
  summary: 'create a flavor',
  arguments: [{ name: 'NAME', description: 'name of the flavor' }],
  flags: [
    { flags: '--vcpus <count>', description: 'virtual CPUs', required: true },
    { flags: '--memory <size>', description: 'memory with its unit, such as 1G', required: true },
    ...roomFlags,
    { flags: '--disk <size>', description: 'size of the first disk' },
    ...propertyFlags('flavor'),
    ...flavorSugar,
    { flags: '--label <key=value>', description: 'label', many: true },
    planFlag,
  ],
  examples: [
    'gantry flavor create small --vcpus 1 --memory 1G --disk 10G',
    'gantry flavor create tiny --vcpus 1 --memory 256M --disk 2G --rng 24B/5s --watchdog reset',
  ],
  async run(session, given) {
    const properties = propertiesOf(given);
    const extraSpecs = Object.fromEntries(
      Object.entries(properties).filter((pair): pair is [string, string] => pair[1] !== null),
    );
    const labels = parsePairs(given.all('label'));
    const body = {
      name: given.arg(0, 'name'),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      spec: {
        vcpus: parseCount(given.text('vcpus') ?? ''),
        memoryMiB: parseMiB(given.text('memory') ?? ''),
        ...room(given),
        ...given.put('diskMiB', 'disk', parseMiB),
        ...(Object.keys(extraSpecs).length > 0 ? { extraSpecs } : {}),
      },
    };
    const query = given.on('plan') ? { plan: true } : {};
    const flavor = await session.client.call('createFlavor', { query, body });
    if ('plan' in flavor) return await showPlan(session, flavor as never);
    await session.out.object(flavor, flavor.name, () => describeFlavor(flavor));
    for (const line of await meanings(flavor.spec.extraSpecs ?? {}, Object.keys(properties)))
      session.note(line);
  },
};
