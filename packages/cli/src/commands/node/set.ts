import { err, type HostChanges } from '@gantry/model';
import type { Given } from '../../given.ts';
import { groupNames, nodeNames } from '../../names.ts';
import { planFlag, planQuery, showPlan } from '../../operations/submit.ts';
import { entries } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { hostFlags, hostSettings, parseHostChanges } from '../host-settings.ts';
import { effectiveTable } from '../inherited-settings.ts';
import { nameArgument } from '../named.ts';
import { unsetSettings } from '../unset.ts';

export const nodeSet: Verb = {
  words: 'node set',
  summary:
    'set the group of a node, and what of it guests may use: CPUs, huge pages, traits, resources, PCI devices',
  arguments: [nameArgument('node', nodeNames)],
  flags: [
    ...hostFlags,
    { flags: '--group <group>', description: 'the node goes to this group', complete: groupNames },
    {
      flags: '--unset <setting>',
      description: `back to what is inherited: ${hostSettings.join(', ')}`,
      many: true,
      complete: () => [...hostSettings],
    },
    planFlag,
  ],
  examples: [
    'gantry node set n1 --shared-cpus 0-1 --dedicated-cpus 2-7',
    'gantry node set n1 --trait CUSTOM_SSD --resource CUSTOM_LICENCE=8',
    'gantry node set n1 --group rack1 --plan',
    'gantry node set n1 --pci gpu=10de:2330 --unset dedicatedCpus',
  ],
  async run(session, given) {
    const { client, out } = session;
    const host = hostChanges(given);
    const body = { ...given.string('group', 'group'), ...(Object.keys(host).length > 0 ? { host } : {}) };
    if (Object.keys(body).length === 0)
      throw err('usage', { what: 'nothing to set: give --group, --shared-cpus or another of the options' });
    const params = { ref: given.arg(0, 'name') };
    const node = await client.call('setNode', { params, body, query: planQuery(given) });
    if ('plan' in node) return await showPlan(session, node);
    await out.object(node, node.name, async () => {
      const [group, { items }] = await Promise.all([
        client.call('getGroup', { params: { ref: node.spec.group } }),
        client.call('getNodeSettings', { params }),
      ]);
      const head = entries([
        ['node', node.name],
        ['group', group.name],
      ]);
      return `${head}\n${effectiveTable(items)}`;
    });
  },
};

function hostChanges(given: Given): HostChanges {
  const names = unsetSettings(given, hostSettings);
  return { ...Object.fromEntries(names.map((name) => [name, null])), ...parseHostChanges(given) };
}
