import type { Client } from '@gantry/client';
import { err } from '@gantry/model';
import { nodeNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
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
    const node = await client.call('getNode', { params: { ref } });
    await out.object(node, node.name, () => describeNode(node));
  },
};

async function onlyNode(client: Client): Promise<string> {
  const [node, ...others] = await everyItem(client, 'listNodes');
  if (node && others.length === 0) return node.id;
  throw err('usage', { what: 'the name is missing, and there is more than one node' });
}
