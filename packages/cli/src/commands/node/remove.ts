import { nodeNames } from '../../names.ts';
import { planFlag } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';
import { nameArgument, planDeletion } from '../named.ts';

export const nodeRemove: Verb = {
  words: 'node remove',
  summary: 'forget drained nodes that have no guests and disks; their certificates are void at once',
  details:
    'With --leave its agent takes off what Gantry made there, and itself. Without it, or where the agent does not answer, `gantry node leave` on the\n' +
    'machine itself does so.',
  arguments: [{ ...nameArgument('node', nodeNames), name: 'NAME...' }],
  flags: [
    { flags: '--leave', description: 'also take Gantry’s state off the machine: its agent must answer' },
    planFlag,
  ],
  examples: [
    'gantry node remove n2',
    'gantry node remove n2 n3 --yes',
    'gantry node remove n2 --leave',
    'gantry node remove n2 --plan',
  ],
  async run(session, given) {
    if (given.on('plan')) return await planDeletion(session, given.args, 'removeNode');
    await session.confirm(`Remove node ${given.args.join(', ')} from the cluster?`);
    const query = given.on('leave') ? ({ leave: 'none' } as const) : {};
    for (const ref of given.args) {
      const gone = await session.client.call('removeNode', { params: { ref }, query });
      session.note(`node ${ref} removed`);
      await session.out.result(gone, gone.name);
    }
  },
};
