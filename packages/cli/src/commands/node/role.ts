/** The role of a node: what drain and undrain share. */
import { nodeNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';

export const roleVerb = (
  verb: string,
  role: 'active' | 'drained' | 'offline',
  words: { summary: string; said: string },
): Verb => ({
  words: `node ${verb}`,
  summary: words.summary,
  arguments: [nameArgument('node', nodeNames)],
  examples: [`gantry node ${verb} n1`],
  async run(session, given) {
    const node = await session.client.call('setNode', {
      params: { ref: given.arg(0, 'name') },
      body: { role },
    });
    session.note(`${node.name} ${words.said}`);
    await session.out.result(node, node.name);
  },
});
