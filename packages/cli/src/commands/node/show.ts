import type { Client } from '@gantry/client';
import { err } from '@gantry/model';
import { nodeNames } from '../../names.ts';
import { join, section } from '../../output/describe.ts';
import type { Verb } from '../../verb.ts';
import { effectiveTable } from '../inherited-settings.ts';
import { nameArgument } from '../named.ts';
import { everyItem } from '../pages.ts';
import { describeNode } from './node.ts';

export const nodeShow: Verb = {
  words: 'node show',
  summary: 'a node: what it is, what it can, what is wrong with it',
  arguments: [
    {
      ...nameArgument('node', nodeNames),
      name: '[NAME]',
      description: 'name or id; may be left out where there is one node',
    },
  ],
  examples: ['gantry node show', 'gantry node show n1'],
  async run({ client, out }, given) {
    const ref = given.args[0] ?? (await onlyNode(client));
    const params = { ref };
    const node = await client.call('getNode', { params });
    await out.object(node, node.name, async () => {
      const [group, { items }] = await Promise.all([
        client.call('getGroup', { params: { ref: node.spec.group } }),
        client.call('getNodeSettings', { params }),
      ]);
      return join(describeNode(node, group.name), section('Settings', effectiveTable(items)));
    });
  },
};

async function onlyNode(client: Client): Promise<string> {
  const [node, ...others] = await everyItem(client, 'listNodes');
  if (node && others.length === 0) return node.id;
  throw err('usage', { what: 'the name is missing, and there is more than one node' });
}
