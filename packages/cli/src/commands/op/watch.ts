import { operationArgument } from '../../names.ts';
import { conclude, waitFlags } from '../../operations/submit.ts';
import type { Verb } from '../../verb.ts';

export const opWatch: Verb = {
  words: 'op watch',
  summary: 'follow an operation to its end; its outcome is the exit code',
  arguments: [operationArgument],
  flags: waitFlags.filter((flag) => flag.flags.startsWith('--timeout')),
  examples: ['gantry op watch 12', 'gantry op watch 12 --timeout 30s'],
  async run(session, given) {
    const operation = await session.client.call('getOperation', { params: { ref: given.arg(0, 'number') } });
    await conclude(session, given, operation);
  },
};
