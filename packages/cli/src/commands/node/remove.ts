import { nodeNames } from '../../names.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument } from '../named.ts';

export const nodeRemove: Verb = {
  words: 'node remove',
  summary: 'forget drained nodes that have no guests and disks; their certificates are void at once',
  details: 'On the machine itself `gantry node leave` takes away what is left of it.',
  arguments: [{ ...nameArgument('node', nodeNames), name: 'NAME...' }],
  examples: ['gantry node remove n2', 'gantry node remove n2 n3 --yes'],
  async run(session, given) {
    await session.confirm(`Remove node ${given.args.join(', ')} from the cluster?`);
    for (const ref of given.args) {
      await session.client.call('removeNode', { params: { ref } });
      session.note(`node ${ref} removed`);
    }
  },
};
