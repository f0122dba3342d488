import { becomeDaemon } from '../../hand-over.ts';
import type { Verb } from '../../verb.ts';

export const server: Verb = {
  words: 'server',
  summary: 'run the controller in the foreground; what follows are its own options',
  raw: true,
  arguments: [{ name: '[OPTION...]', description: 'options of the controller' }],
  examples: ['gantry server --state /var/lib/gantry --listen 127.0.0.1:7460', 'gantry server status'],
  run: (_, given) => becomeDaemon('server', given.args),
};
