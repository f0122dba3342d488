import { nodeNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { hostChanges, hostFlags } from '../host-settings.ts';
import { nameArgument } from '../named.ts';
import { describeNode } from './node.ts';

export const nodeSet: Verb = {
  words: 'node set',
  summary: 'set what of a node guests may use: CPUs, huge pages, traits, resources, PCI devices',
  arguments: [nameArgument('node', nodeNames)],
  flags: hostFlags,
  examples: [
    'gantry node set n1 --shared-cpus 0-1 --dedicated-cpus 2-7',
    'gantry node set n1 --trait CUSTOM_SSD --resource CUSTOM_LICENCE=8',
    'gantry node set n1 --pci gpu=10de:2330 --unset dedicatedCpus',
  ],
  async run({ client, out }, given) {
    const host = hostChanges(given);
    const node = await client.call('setNode', { params: { ref: given.arg(0, 'name') }, body: { host } });
    await out.object(node, node.name, () => describeNode(node));
  },
};
