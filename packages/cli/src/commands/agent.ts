import { becomeDaemon } from '../hand-over.ts';
import type { Verb } from '../verb.ts';

export const agent: Verb = {
  words: 'agent',
  summary: 'run the agent of this node in the foreground; what follows are its own options',
  raw: true,
  arguments: [{ name: '[OPTION...]', description: 'options of the agent' }],
  examples: ['gantry agent --state /var/lib/gantry'],
  run: (_, given) => becomeDaemon('agent', given.args),
};
