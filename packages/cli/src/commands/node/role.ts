/** The role of a node: what drain and undrain share. */
import { nodeNames } from '../../names.ts';
import { planFlag, planQuery, showPlan } from '../../operations/submit.ts';
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
  flags: [planFlag],
  examples: [`gantry node ${verb} n1`, `gantry node ${verb} n1 --plan`],
  async run(session, given) {
    const node = await session.client.call('setNode', {
      params: { ref: given.arg(0, 'name') },
      body: { role },
      query: planQuery(given),
    });
    if ('plan' in node) return await showPlan(session, node);
    session.note(`${node.name} ${words.said}`);
    await session.out.result(node, node.name);
  },
});
